// A file that is pasted, uploaded or written here, of any kind; it is checked as you type.

import { act, annotationPath, experimentPath, get, modelPath } from '../api.js';
import { explain, toast } from '../dialog.js';
import { fill, h } from '../dom.js';
import { preview, problems, remarks, toldPreview } from '../file-preview.js';
import { crumbs, pageOf, pageOfAnnotation, pageOfModel } from '../parts.js';
import { makeEditor } from '../editor.js';
import { begin, offerTo, put, ready } from '../saving.js';
import { templateCards } from '../template-cards.js';
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
  const template = query.get('template');
  if (template) {
    const form = await import('../template-form.js');
    return form.show(main, template, query.get('version'));
  }
  const model = query.get('model'); // whose file is edited
  const project = query.get('annotation'); // the same
  const result = resultOf(query.get('deploy')); // that is offered to the model whose file is written
  const editing = model ?? project ?? query.get('edit');
  const edited = model !== null ? 'model' : project !== null ? 'annotation' : 'experiment';
  const pathOf = { experiment: experimentPath, model: modelPath, annotation: annotationPath }[edited];
  const title = result ? `Deploy ${result.run}` : editing ? `Edit ${editing}` : 'New experiment';
  document.title = `${title} · AutoML`;
  const drafted = query.has('draft') ? sessionStorage.getItem('automl:draft') : null;
  const [me, entry] = await Promise.all([get('me'), editing ? get(pathOf(editing)) : null]);
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
    crumbs(
      result
        ? [['Experiments', './'], [result.experiment, pageOf(result.experiment)], [result.run, pageOf(result.experiment, result.run)], ['Deploy', null]]
        : model
          ? [['Models', 'models'], [model, pageOfModel(model)], ['Edit', null]]
          : project
            ? [['Annotation', 'annotations'], [project, pageOfAnnotation(project)], ['Edit', null]]
            : [['Experiments', './'], [title, null]],
    ),
    h(
      'div',
      { class: 'row spread head' },
      h('h1', {}, title),
      h('div', { class: 'row' }, upload, save, start),
    ),
    result
      ? h(
          'p',
          {},
          'This file makes a model: look through it, fill in what is not known, and save it. The result is offered as its first version; people are asked before it is used.',
        )
      : null,
    me.create.allowed
      ? null
      : h('p', { class: 'notice' }, `Files can be checked but not saved here: ${me.create.reason}`),
    refused,
    editing || drafted !== null || result ? null : templateCards(),
    h('div', { class: 'editor' }, place, h('aside', { 'aria-label': 'What the file says' }, said)),
    attempt?.element,
  );
  const editor = makeEditor(place, entry?.source ?? drafted ?? EXAMPLE, soon);
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
    asking?.abort(); // an answer about what stood here before says nothing of what stands here now
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
    const isExperiment = !['model', 'annotation'].includes(checked.kind);
    save.disabled = start.disabled = !(checked.ok && me.create.allowed);
    start.hidden = !isExperiment && !(result && checked.kind === 'model');
    fill(start, result && checked.kind === 'model' ? 'Save and offer the result' : 'Save and start');
    attempt?.allow(checked.ok && isExperiment);
    const goTo = (line) => editor.goTo(line);
    const told = isExperiment ? preview : toldPreview;
    fill(said, checked.ok ? told(checked, remarks(checked.warnings, goTo)) : problems(checked.problems, goTo));
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
      const kind = ['model', 'annotation'].includes(checked?.kind) ? checked.kind : 'experiment';
      const own = editing !== null && checked?.name === editing && kind === edited;
      const name = await put(editor.text(), own, checked?.name, kind);
      if (name === null) return;
      touched = false;
      if (kind === 'model') {
        await deployed(name, run);
        return;
      }
      if (kind === 'annotation') {
        toast(`${name} is saved; Airflow reads it within a minute.`);
        fill(said, h('p', {}, `Saved. Waiting for Airflow to read ${name} …`));
        await ready(name, 'annotation');
        location.assign(pageOfAnnotation(name));
        return;
      }
      if (!run) {
        toast(`${name} is saved; Airflow reads it within a minute.`);
        location.assign(pageOf(name));
        return;
      }
      fill(said, h('p', {}, `Saved. Waiting for Airflow to read ${name} …`));
      await ready(name);
      const begun = await begin(name);
      location.assign(pageOf(begun.experiment, begun.run));
    } catch (error) {
      explain(refused, error);
    } finally {
      save.disabled = start.disabled = !checked?.ok;
    }
  }

  /** A model's file is saved: goes to its page, with the result as its version where that was asked for. @param {string} name @param {boolean} offers */
  async function deployed(name, offers) {
    if (!offers || !result) toast(`${name} is saved; Airflow reads it within a minute.`);
    fill(said, h('p', {}, `Saved. Waiting for Airflow to read ${name} …`));
    await ready(name, 'model');
    if (!offers || !result) {
      location.assign(pageOfModel(name));
      return;
    }
    fill(said, h('p', {}, 'Read. The result is copied, and offered as a version …'));
    const { version } = await offerTo(name, result.experiment, result.run);
    location.assign(pageOfModel(name, version));
  }

  await check();
}

/** The result that an address names: experiment/run. @param {string | null} text */
function resultOf(text) {
  const at = text?.indexOf('/') ?? -1;
  return text && at > 0 ? { experiment: text.slice(0, at), run: text.slice(at + 1) } : null;
}
