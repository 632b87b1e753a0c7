// A new experiment from a file that is pasted, uploaded or written here; it is checked as you type.

import { act, experimentPath, get } from '../api.js';
import { ask, explain, toast } from '../dialog.js';
import { fill, h } from '../dom.js';
import { number, setting } from '../format.js';
import { crumbs, pageOf } from '../parts.js';
import { plainTable } from '../run-details.js';
import { makeEditor } from '../editor.js';
import { TryPanel } from '../try.js';

const PAUSE = 300;
const LARGEST = 1_000_000;

const EXAMPLE = `name: my-experiment
description: What is looked for
output: {storage: "file://./runs"}
goal: {metric: accuracy, direction: maximize}
search: {algorithm: auto, seed: 1}
space:
  learning_rate: {type: loguniform, low: 1.0e-4, high: 1.0e-1, default: 1.0e-3}
  units: {type: int, low: 8, high: 128}
trials: {max: 20, concurrency: 2}
tasks:
  - name: train
    command: [python, train.py, --lr, "\${learning_rate}", --units, "\${units}"]
`;

/** @type {import('../main.js').Page} */
export async function show(main, _, query) {
  document.title = 'New experiment · AutoML';
  const editing = query.get('edit');
  const [me, entry] = await Promise.all([get('me'), editing ? get(experimentPath(editing)) : null]);
  const place = h('div', { class: 'drop' });
  const said = h('div', { role: 'status', 'aria-live': 'polite', id: 'validation' });
  const refused = h('div', { class: 'problems', role: 'alert' });
  const save = /** @type {HTMLButtonElement} */ (
    h('button', { type: 'button', disabled: true, onclick: () => store(false) }, 'Save')
  );
  const start = /** @type {HTMLButtonElement} */ (
    h('button', { type: 'button', class: 'primary', disabled: true, onclick: () => store(true) }, 'Save and start')
  );
  const attempt = me.try.allowed ? new TryPanel(() => editor.text(), me.try.longest) : null;
  const upload = h('input', {
    type: 'file',
    accept: '.yaml,.yml,.json',
    id: 'upload',
    'aria-label': 'Upload a file',
    onchange: async (event) => {
      await take(event.target.files[0]);
      event.target.value = ''; // the same file, corrected, is a change again
    },
  });
  fill(
    main,
    crumbs([
      ['Experiments', './'],
      [editing ? `Edit ${editing}` : 'New experiment', null],
    ]),
    h(
      'div',
      { class: 'row spread head' },
      h('h1', {}, editing ? `Edit ${editing}` : 'New experiment'),
      h('div', { class: 'row' }, upload, save, start),
    ),
    me.create.allowed
      ? null
      : h('p', { class: 'notice' }, `Files can be checked but not saved here: ${me.create.reason}`),
    refused,
    h('div', { class: 'editor' }, place, h('aside', { 'aria-label': 'What the file says' }, said)),
    attempt?.element,
  );
  const editor = makeEditor(place, entry?.source ?? EXAMPLE, soon);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {any} */
  let checked = null;

  let touched = false;
  window.addEventListener('beforeunload', (event) => touched && event.preventDefault());

  function soon() {
    touched = true;
    save.disabled = start.disabled = true;
    attempt?.allow(false);
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  }

  async function check() {
    asking?.abort();
    asking = new AbortController();
    try {
      checked = await act('POST', 'validate', { text: editor.text() }, asking.signal);
    } catch (error) {
      if (!(error instanceof DOMException)) explain(said, error);
      return;
    }
    editor.mark([...checked.problems, ...checked.warnings]);
    save.disabled = start.disabled = !(checked.ok && me.create.allowed);
    attempt?.allow(checked.ok);
    fill(said, checked.ok ? preview(checked, remarks(checked.warnings)) : problems(checked.problems));
  }

  /** @param {any[]} found */
  function problems(found) {
    return [h('h2', {}, found.length === 1 ? 'One problem' : `${found.length} problems`), listed(found)];
  }

  /** What is valid and yet worth a look: warnings first, then notes. @param {any[]} found */
  function remarks(found) {
    const [warnings, notes] = ['warning', 'note'].map((kind) => found.filter((each) => each.severity === kind));
    return [
      warnings.length
        ? h(
            'div',
            { class: 'notice', id: 'warnings' },
            h('h3', {}, warnings.length === 1 ? 'One thing to look at' : `${warnings.length} things to look at`),
            listed(warnings),
          )
        : null,
      notes.length
        ? h('div', { id: 'notes' }, h('h3', {}, notes.length === 1 ? 'A note' : 'Notes'), listed(notes))
        : null,
    ];
  }

  /** Problems, warnings or notes, each with its line. @param {any[]} found */
  function listed(found) {
    return h(
      'ul',
      {},
      found.map((each) =>
        h(
          'li',
          {},
          each.line === null
            ? null
            : h(
                'button',
                { type: 'button', class: 'small', onclick: () => editor.goTo(each.line) },
                `line ${each.line}`,
              ),
          ' ',
          each.path ? h('strong', {}, `${each.path}: `) : null,
          each.message,
          each.suggestion ? h('div', { class: 'hint' }, each.suggestion) : null,
          each.allowed?.length ? h('div', { class: 'hint' }, `Allowed: ${[each.allowed].flat().join(', ')}`) : null,
        ),
      ),
    );
  }

  /** @param {File | undefined} file */
  async function take(file) {
    if (!file) return;
    if (file.size > LARGEST) {
      explain(refused, new Error(`${file.name} is larger than 1 MB: that is no experiment file.`));
      return;
    }
    fill(refused);
    editor.replace(await file.text());
  }

  place.addEventListener('dragover', (event) => {
    event.preventDefault();
    place.classList.add('dropping');
  });
  place.addEventListener('dragleave', () => place.classList.remove('dropping'));
  place.addEventListener(
    'drop',
    (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      place.classList.remove('dropping');
      void take(event.dataTransfer.files[0]);
    },
    { capture: true },
  );

  /** @param {boolean} run */
  async function store(run) {
    fill(refused);
    save.disabled = start.disabled = true;
    try {
      const name = await put(editor.text(), editing !== null && checked?.name === editing, checked?.name);
      if (name === null) return;
      touched = false;
      if (!run) {
        toast(`${name} is saved; Airflow reads it within a minute.`);
        location.assign(pageOf(name));
        return;
      }
      fill(said, h('p', {}, `Saved. Waiting for Airflow to read ${name} …`));
      await ready(name);
      const begun = await act('POST', `${experimentPath(name)}/runs`, { conf: {}, run_id: null });
      location.assign(pageOf(begun.experiment, begun.run));
    } catch (error) {
      explain(refused, error);
    } finally {
      save.disabled = start.disabled = !checked?.ok;
    }
  }

  await check();
}

/** Saves, and asks before anything is overwritten. @param {string} text @param {boolean} replace @param {string} name */
async function put(text, replace, name) {
  try {
    return (await act('POST', 'experiments', { text, replace })).experiment;
  } catch (error) {
    if (!(error instanceof Error) || /** @type {any} */ (error).status !== 409 || replace) throw error;
    let stored = null;
    await ask({
      title: `Replace ${name}?`,
      body: h('p', {}, error.message),
      verb: 'Replace the file',
      danger: true,
      run: async () => {
        stored = (await act('POST', 'experiments', { text, replace: true })).experiment;
      },
    });
    return stored;
  }
}

/** Waits until Airflow has read a file. @param {string} name */
async function ready(name) {
  for (let tries = 0; tries < 120; tries += 1) {
    const { state, error } = await get(`${experimentPath(name)}/readiness`);
    if (state === 'ready') return;
    if (state === 'broken') throw new Error(error ?? 'Airflow can’t read the file.');
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(
    `Airflow has not read ${name} within two minutes; it is saved, and its page will say when it is there.`,
  );
}

/** @param {any} checked @param {any} remarks what to look at in a file that is fine */
function preview({ name, preview: found }, remarks) {
  const facts = found
    ? [
        ['Algorithm', [found.algorithm, found.note ? h('div', { class: 'hint' }, found.note) : null]],
        ['Trials', number(found.trials)],
        ['Training runs', number(found.jobs)],
        ['At once', number(found.concurrency)],
        ...(found.size ? [['Combinations', number(found.size)]] : []),
        ...(found.units ? [[`Units${found.unit ? ` (${found.unit})` : ''}`, number(found.units)]] : []),
      ]
    : [];
  const names = found?.first?.length ? Object.keys(found.first[0].params) : [];
  return [
    h('h2', {}, h('span', { class: 'tone-good' }, '✓ '), `${name} is fine`),
    remarks,
    found
      ? plainTable(['What it does', 'Value'], facts, 'What the file says')
      : h('p', { class: 'muted' }, 'The server lays out other searches just now: there is no preview of this one.'),
    names.length
      ? [
          h('h3', { style: 'margin-top:.9rem' }, 'First combinations'),
          h(
            'div',
            { style: 'overflow-x:auto', tabindex: 0, role: 'region', 'aria-label': 'First combinations' },
            plainTable(
              ['Trial', ...names],
              found.first.map((each) => [each.number, ...names.map((key) => setting(each.params[key]))]),
              'First combinations',
            ),
          ),
        ]
      : null,
  ];
}
