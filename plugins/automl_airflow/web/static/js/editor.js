// The editor of experiment files: YAML, with problems marked in their lines.

import {
  EditorState,
  EditorView,
  HighlightStyle,
  defaultKeymap,
  drawSelection,
  highlightActiveLine,
  history,
  historyKeymap,
  keymap,
  lineNumbers,
  lintGutter,
  lintKeymap,
  setDiagnostics,
  syntaxHighlighting,
  tags,
  yaml,
} from '../vendor/codemirror.js';
import { h } from './dom.js';

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--link)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.bool, tags.null, tags.labelName], color: 'var(--ended)' },
]);

const THEME = EditorView.theme({
  '&': { color: 'var(--text)', fontSize: '13px' },
  '.cm-scroller': { fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace' },
  '.cm-gutters': { backgroundColor: 'var(--back)', color: 'var(--muted)', borderRight: '1px solid var(--line)' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 35%, transparent) !important',
  },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-tooltip': { backgroundColor: 'var(--card)', border: '1px solid var(--line)', color: 'var(--text)' },
});

/**
 * @param {HTMLElement} place @param {string} text @param {() => void} changed
 */
export function makeEditor(place, text, changed) {
  const view = new EditorView({
    parent: place,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        lintGutter(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        yaml(),
        syntaxHighlighting(COLOURS),
        THEME,
        keymap.of([...lintKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorState.tabSize.of(2),
        EditorView.contentAttributes.of({ 'aria-label': 'Experiment file (YAML)', spellcheck: 'false' }),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    /** @param {string} all */
    replace: (all) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: all } }),
    /** @param {any[]} problems */
    mark: (problems) =>
      view.dispatch(
        setDiagnostics(
          view.state,
          problems.filter((each) => each.line !== null).map((each) => diagnostic(view.state, each)),
        ),
      ),
    /** @param {number} line from 1 */
    goTo(line) {
      const at = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      view.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: 'center' }) });
      view.focus();
    },
  };
}

/** @param {any} state @param {any} problem */
function diagnostic(state, problem) {
  const line = state.doc.line(Math.min(Math.max(1, problem.line), state.doc.lines));
  const from = Math.min(line.from + Math.max(0, (problem.column ?? 1) - 1), line.to);
  return {
    from,
    to: Math.max(from, line.to),
    severity: problem.severity ?? 'error',
    message: problem.message,
    renderMessage: () => h('div', {}, problem.text ?? problem.message),
  };
}
