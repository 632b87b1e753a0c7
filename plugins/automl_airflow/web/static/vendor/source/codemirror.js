export { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
export { yaml } from '@codemirror/lang-yaml';
export { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
export { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
export { EditorState } from '@codemirror/state';
export { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
export { tags } from '@lezer/highlight';
