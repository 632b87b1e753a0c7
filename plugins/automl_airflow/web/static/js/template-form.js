// A new experiment from a template: the few things that it wants, what it will do, and the start.

import { act, get } from './api.js';
import { explain, toast } from './dialog.js';
import { field, fill, freshId, h } from './dom.js';
import { setting } from './format.js';
import { preview, problems, remarks } from './file-preview.js';
import { shortName } from './names.js';
import { crumbs, pageOf } from './parts.js';
import { begin, ready } from './saving.js';
import { KINDS } from './template-cards.js';

const PAUSE = 400;

/** @param {HTMLElement} main @param {string} name @param {string | null} version */
export async function show(main, name, version) {
  document.title = `${name} · New experiment · AutoML`;
  const path = `templates/${name.split('/').map(encodeURIComponent).join('/')}`; // tao/dino is a name
  const [me, template] = await Promise.all([get('me'), get(path, { version })]);
  const form = new TemplateForm(template, soon);
  const said = h('div', { role: 'status', 'aria-live': 'polite', id: 'validation' });
  const file = h('pre', { class: 'reason', tabindex: 0, 'aria-label': 'The file' });
  const refused = h('div', { class: 'problems', role: 'alert' });
  const button = (label, kind, run) =>
    /** @type {HTMLButtonElement} */ (
      h('button', { type: 'button', class: kind, disabled: true, onclick: run }, label)
    );
  const start = button('Start', 'primary', () => store(true));
  const save = button('Save', null, () => store(false));
  const edit = button('Edit as a file', null, () => {
    sessionStorage.setItem('automl:draft', checked.text);
    location.assign('new?draft=1');
  });
  edit.title = 'Go on in the editor, with everything that an experiment file can say';
  fill(
    main,
    crumbs([
      ['Experiments', './'],
      ['New experiment', 'new'],
      [template.template, null],
    ]),
    h('div', { class: 'row spread head' }, h('h1', {}, template.title), h('div', { class: 'row' }, edit, save, start)),
    h(
      'p',
      { class: 'muted' },
      h('span', { class: 'tag' }, KINDS[template.kind] ?? template.kind),
      ` ${template.template}. ${template.description}`,
    ),
    template.requires.length
      ? h('p', { class: 'hint' }, `The training needs ${template.requires.join(', ')} where it runs.`)
      : null,
    me.create.allowed
      ? null
      : h('p', { class: 'notice' }, `It can be looked at but not saved here: ${me.create.reason}`),
    refused,
    h(
      'div',
      { class: 'editor' },
      form.element,
      h(
        'aside',
        { 'aria-label': 'What it will do' },
        said,
        h('details', { class: 'fold' }, h('summary', {}, 'The file'), file),
      ),
    ),
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let asking;
  /** @type {any} */
  let checked = null;

  function soon() {
    save.disabled = start.disabled = edit.disabled = true;
    clearTimeout(timer);
    asking?.abort(); // an answer about what stood here before would let that be started
    timer = setTimeout(check, PAUSE);
  }

  async function check() {
    const lacking = form.lacking();
    asking?.abort();
    asking = new AbortController();
    try {
      checked = await act('POST', `${path}/draft`, { version: template.version, ...form.wanted() }, asking.signal);
    } catch (error) {
      if (!(error instanceof DOMException)) explain(said, error);
      return;
    }
    file.textContent = checked.text;
    edit.disabled = false;
    save.disabled = start.disabled = !(checked.ok && me.create.allowed && !lacking.length);
    form.mark(checked.ok ? [] : checked.problems);
    fill(
      said,
      lacking.length
        ? [
            h('h2', {}, 'Still to say'),
            h(
              'ul',
              {},
              lacking.map((each) => h('li', {}, each)),
            ),
          ]
        : checked.ok
          ? preview(checked, remarks(checked.warnings))
          : problems(checked.problems),
    );
  }

  /** @param {boolean} run */
  async function store(run) {
    fill(refused);
    save.disabled = start.disabled = true;
    try {
      const { experiment } = await act('POST', 'experiments', { text: checked.text, replace: false });
      if (!run) {
        toast(`${experiment} is saved; Airflow reads it within a minute.`);
        location.assign(pageOf(experiment));
        return;
      }
      fill(said, h('p', {}, `Saved. Waiting for Airflow to read ${experiment} …`));
      await ready(experiment);
      const begun = await begin(experiment);
      location.assign(pageOf(begun.experiment, begun.run));
    } catch (error) {
      explain(refused, error);
      save.disabled = start.disabled = false;
    }
  }

  await check();
}

class TemplateForm {
  /** @param {any} template @param {() => void} changed */
  constructor(template, changed) {
    this.template = template;
    this.named = false;
    const text = (id, own = {}) =>
      /** @type {HTMLInputElement} */ (
        h('input', { type: 'text', name: id, autocomplete: 'off', spellcheck: 'false', ...own })
      );
    this.name = text('name', { value: template.name.replace('/', '-'), required: true, maxlength: 100 });
    this.data = inputs('data', template.data, 'a file, folder or pattern; s3://, oss:// or odps:// …');
    this.columns = inputs('columns', template.columns, 'a name in the header, several as ["a", "b"]');
    this.trials = number('trials.max', template.trials?.max ?? 20, { min: 1, max: 100000 });
    this.concurrency = number('trials.concurrency', template.trials?.concurrency ?? 2, { min: 1, max: 1000 });
    this.deadline = text('stop.deadline', { placeholder: 'no limit', value: template.stop?.deadline ?? '' });
    this.seconds = text('trial_seconds', { placeholder: 'not known' });
    this.rows = template.parameters.map((each) => parameterRow(each));
    this.element = h(
      'form',
      {
        class: 'template-form',
        onsubmit: (/** @type {Event} */ event) => event.preventDefault(),
        oninput: (/** @type {Event} */ event) => {
          if (event.target === this.name) this.named = true;
          else this.suggestName();
          changed();
        },
      },
      group('What it learns from', [
        ...this.inputs()
          .filter((each) => each.required)
          .map((each) => each.element),
        field('Name of the experiment', this.name, 'of its DAG: letters, digits, - _ and .'),
      ]),
      this.more(),
      group('Budget', [
        field('Trials at most', this.trials),
        field('At once', this.concurrency),
        field('Over after', this.deadline, 'such as 20m or 2h, for everything'),
        field('A trial takes about', this.seconds, 'such as 90s: for the forecast alone'),
      ]),
      this.parameters(),
    );
  }

  /** Every field for data and columns. */
  inputs() {
    return [...this.data, ...this.columns];
  }

  /** What the template can do without, folded away. */
  more() {
    const others = this.inputs().filter((each) => !each.required);
    if (!others.length) return null;
    return h(
      'details',
      { class: 'fold' },
      h('summary', {}, `What else it takes: ${others.map((each) => each.name).join(', ')}`),
      group(
        'Not needed',
        others.map((each) => each.element),
      ),
    );
  }

  /** The template's name as an experiment's: without the slash of a group. */
  get plain() {
    return this.template.name.replace('/', '-');
  }

  /** Names the experiment after its data, until a person does. */
  suggestName() {
    if (this.named) return;
    const place = this.data.find((each) => each.input.value.trim())?.input.value ?? '';
    const last = (place.split(/[/\\]/).filter(Boolean).at(-1) ?? '').split('.')[0];
    const stem = last.replace(/[^A-Za-z0-9_]+/g, '-').replace(/^[-_]+|[-_]+$/g, '');
    this.name.value = stem ? `${stem}-${this.plain}`.slice(0, 100) : this.plain;
  }

  /** The table of what is searched. */
  parameters() {
    if (!this.rows.length) return null;
    const searched = this.template.parameters.filter((each) => each.search === true).length;
    const head = ['Search', 'Parameter', 'Range', 'Value otherwise'];
    return h(
      'details',
      { class: 'fold', id: 'parameters' },
      h('summary', {}, `What is searched: ${searched} of ${this.rows.length} parameters`),
      h(
        'div',
        { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': 'Parameters' },
        h(
          'table',
          { 'aria-label': 'Parameters' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              head.map((each) => h('th', { scope: 'col' }, each)),
            ),
          ),
          h(
            'tbody',
            {},
            this.rows.map((each) => each.element),
          ),
        ),
      ),
    );
  }

  /** What is needed and not given yet. @returns {string[]} */
  lacking() {
    const fields = this.inputs().filter((each) => each.required && !each.input.value.trim());
    const found = fields.map((each) => each.label + (each.help ? `: ${each.help}` : ''));
    return this.name.value.trim() ? found : [...found, 'Name of the experiment'];
  }

  /** As the API takes it. */
  wanted() {
    const given = (fields, read = (/** @type {string} */ text) => /** @type {any} */ (text)) =>
      Object.fromEntries(
        fields.map((each) => [each.name, read(each.input.value.trim())]).filter(([, value]) => value !== ''),
      );
    const trials = { max: Number(this.trials.value), concurrency: Number(this.concurrency.value) };
    const deadline = this.deadline.value.trim();
    return {
      name: this.name.value.trim() || this.plain,
      data: given(this.data),
      columns: given(this.columns, columnsOf),
      trials: Object.fromEntries(Object.entries(trials).filter(([, value]) => value > 0)),
      stop: deadline ? { deadline } : {},
      add: this.rows.filter((each) => each.added()).map((each) => each.name),
      remove: this.rows.filter((each) => each.removed()).map((each) => each.name),
      values: Object.fromEntries(this.rows.filter((each) => each.set()).map((each) => [each.name, each.value()])),
      trial_seconds: secondsOf(this.seconds.value),
    };
  }

  /** Marks the fields that something is wrong with. @param {any[]} found */
  mark(found) {
    const paths = new Set(found.map((each) => String(each.path)));
    for (const input of this.element.querySelectorAll('input[name]')) {
      const name = /** @type {HTMLInputElement} */ (input).name;
      if (paths.has(name)) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    }
  }
}

/** @param {string} title @param {any[]} fields */
const group = (title, fields) =>
  h('fieldset', { class: 'card' }, h('legend', {}, title), h('div', { class: 'fields' }, fields));

/** One field for each thing that a template wants. @param {string} key @param {any} wanted @param {string} hint */
function inputs(key, wanted, hint) {
  return Object.entries(wanted ?? {}).map(([name, { required, help }]) => {
    const input = /** @type {HTMLInputElement} */ (
      h('input', {
        type: 'text',
        name: `${key}.${name}`,
        required,
        autocomplete: 'off',
        spellcheck: 'false',
        maxlength: 2000,
      })
    );
    const label = key === 'data' ? `Data: ${name}` : `Column: ${name}`;
    const words = [help, hint].filter(Boolean).join('; ');
    return { name, required, help, input, label, element: field(label, input, words) };
  });
}

/** @param {string} name @param {number} value @param {Record<string, any>} own */
const number = (name, value, own) =>
  /** @type {HTMLInputElement} */ (h('input', { type: 'number', name, value, ...own }));

/** One parameter: whether it is searched, and the value that it has otherwise. @param {any} each */
function parameterRow(each) {
  const id = freshId('parameter');
  const fixed = each.search === 'never' || each.type === 'fixed';
  const box = /** @type {HTMLInputElement} */ (
    h('input', {
      type: 'checkbox',
      checked: each.search === true,
      disabled: fixed,
      'aria-labelledby': id,
      title: fixed ? 'The template never searches it' : null,
    })
  );
  const input = /** @type {HTMLInputElement} */ (
    h('input', {
      type: 'text',
      name: `set.${each.name}`,
      placeholder: setting(each.default),
      'aria-label': `Value of ${each.name} where it is not searched`,
      disabled: each.search === true || each.type === 'fixed',
      spellcheck: 'false',
    })
  );
  box.addEventListener('change', () => (input.disabled = box.checked || each.type === 'fixed'));
  return {
    name: each.name,
    added: () => box.checked && each.search !== true,
    removed: () => !box.checked && each.search === true && !input.value.trim(),
    set: () => !input.disabled && input.value.trim() !== '',
    value: () => valueOf(input.value.trim()),
    element: h(
      'tr',
      {},
      h('td', {}, box),
      h('td', { id }, shortName(each.name), each.help ? h('div', { class: 'hint' }, each.help) : null),
      h('td', {}, rangeOf(each)),
      h('td', {}, input),
    ),
  };
}

/** A column's name, or a list of names that is typed as one; a name may be anything else. @param {string} text @returns {string | string[]} */
function columnsOf(text) {
  const value = text.startsWith('[') ? valueOf(text) : text;
  return Array.isArray(value) && value.length && value.every((each) => typeof each === 'string') ? value : text;
}

/** A value as it is typed: numbers, true and false, lists; all else is text. @param {string} text */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What a parameter may be, in a few words. @param {any} each */
function rangeOf(each) {
  if (each.values) return each.values.map(setting).join(', ');
  if (each.low !== undefined) return `${setting(each.low)} to ${setting(each.high)}`;
  if (each.mu !== undefined) return `around ${setting(each.mu)} ± ${setting(each.sigma)}`;
  return setting(each.default);
}

/** Seconds of a time such as 90, 90s, 3m, 1h. @param {string} text @returns {number | null} */
export function secondsOf(text) {
  const found = text.trim().match(/^([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h)?$/);
  if (!found) return null;
  const seconds = Number(found[1]) * { s: 1, m: 60, min: 60, h: 3600 }[found[2] ?? 's'];
  return seconds > 0 ? seconds : null;
}
