// The form that edits a run: limits, stop conditions, and the space within its bounds.

import { field, h } from './dom.js';
import { setting } from './format.js';
import { shorten, shortName } from './names.js';

/** @param {any} value */
const shown = (value) => (value === null || value === undefined ? '' : String(value));

/** Fields of the body: path in it, label, hint. @param {any} limits @returns {Array<[string, string, any, string]>} */
const numbersOf = (limits) => [
  ['trials.max', 'Number of trials', limits.max_trials, ''],
  ['trials.concurrency', 'Trials at once', limits.concurrency, `at most ${limits.concurrency_at_most}`],
  ['trials.max_failed', 'Failed trials allowed', limits.max_failed, ''],
  ['trials.retries', 'Retries of a trial', limits.retries, ''],
  ['stop.target', 'Stop at the value', limits.stop.target, 'empty: no target'],
  ['stop.max_cost', 'Stop at the cost', limits.stop.max_cost, 'empty: no limit'],
  ['stop.same_error', 'Stop after so many equal errors in a row', limits.stop.same_error, 'empty: never'],
  [
    'stop.no_improvement.trials',
    'Stop after so many trials without improvement',
    limits.stop.no_improvement?.trials,
    'empty: goes on',
  ],
];

/** @param {any} overview */
export function limitFields(overview) {
  const { limits } = overview;
  const numbers = numbersOf(limits).map(([name, label, value, hint]) =>
    field(
      label,
      h('input', {
        type: 'number',
        step: 'any',
        name,
        value: shown(value),
        required: name.startsWith('trials.') && value !== null, // emptied, it would go back to its default
      }),
      hint || undefined,
    ),
  );
  const duration = field(
    'Stop after',
    h('input', { name: 'stop.max_duration', value: shown(limits.stop.max_duration) }),
    'such as 2h or 90m; empty: no limit',
  );
  const running = field(
    'Running trials at a stop',
    h(
      'select',
      { name: 'stop.running_trials' },
      ['drain', 'cancel'].map((each) =>
        h(
          'option',
          { value: each, selected: each === limits.stop.running_trials },
          each === 'drain' ? 'finish' : 'are cancelled',
        ),
      ),
    ),
  );
  const editable = overview.parameters.filter(
    (each) =>
      each.kind === 'category' ||
      each.kind === 'order' ||
      (each.low !== null && each.low !== undefined && each.kind !== 'bool' && each.kind !== 'fixed' && !each.parts),
  );
  return h(
    'div',
    {},
    h('fieldset', {}, h('legend', {}, 'Limits'), h('div', { class: 'fields' }, numbers, duration, running)),
    h('details', {}, h('summary', {}, 'Search space (only within its bounds)'), editable.map(parameterFields)),
  );
}

/** How a new run searches. @param {any} settings @param {Promise<{algorithms: any[]}>} known which algorithms there are */
export function searchFields(settings, known) {
  const { algorithm } = settings;
  const select = h(
    'select',
    { name: 'search.algorithm' },
    h('option', { value: algorithm, selected: true }, algorithm),
  );
  known.then(({ algorithms }) => {
    for (const { name } of algorithms) if (name !== algorithm) select.append(h('option', { value: name }, name));
  }, console.warn);
  return h(
    'fieldset',
    {},
    h('legend', {}, 'Search'),
    h(
      'div',
      { class: 'fields' },
      field('Algorithm', select),
      field('Seed of the search', h('input', { type: 'number', name: 'search.seed', value: shown(settings.seed) })),
    ),
  );
}

/** @param {any} parameter */
function parameterFields(parameter) {
  const { name, values, low, high } = parameter;
  if (values) {
    return h(
      'fieldset',
      {},
      h('legend', {}, shortName(name, 60)),
      h(
        'div',
        { class: 'row' },
        values.map((each, i) =>
          h(
            'label',
            {},
            h('input', { type: 'checkbox', checked: true, 'data-parameter': name, 'data-index': i }),
            ` ${setting(each)}`,
          ),
        ),
      ),
    );
  }
  const bound = (which, value) =>
    field(
      `${which === 'low' ? 'Lowest' : 'Highest'} ${shorten(name)}`,
      h('input', {
        type: 'number',
        step: 'any',
        min: low,
        max: high,
        value: shown(value),
        'data-parameter': name,
        'data-bound': which,
      }),
    );
  return h(
    'fieldset',
    {},
    h('legend', {}, shortName(name, 60)),
    h('div', { class: 'fields' }, bound('low', low), bound('high', high)),
  );
}

/**
 * What the form has otherwise than what holds without it, as the API takes it.
 *
 * @param {HTMLFormElement} form
 * @param {any} overview what holds without it
 * @param {any} [filled] what the fields were filled with, where that is something else
 * @returns {Record<string, any>} empty where nothing is otherwise
 */
export function changes(form, overview, filled = overview) {
  const { limits } = overview;
  /** @type {Record<string, any>} */
  const body = {};
  const put = (group, key, value) => {
    body[group] = { ...body[group], [key]: value };
  };
  const text = (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value.trim();
  const has = (name) => form.elements.namedItem(name) !== null;
  if (has('search.algorithm') && text('search.algorithm') !== overview.algorithm)
    put('search', 'algorithm', text('search.algorithm'));
  if (has('search.seed') && text('search.seed') !== shown(overview.seed))
    put('search', 'seed', text('search.seed') === '' ? null : Number(text('search.seed')));
  for (const [name, , before] of numbersOf(limits)) {
    const after = text(name);
    if (after === shown(before)) continue;
    const [group, key, inner] = name.split('.');
    const value = after === '' ? null : Number(after);
    put(group, key, inner && value !== null ? { ...limits.stop[key], [inner]: value } : value);
  }
  const duration = text('stop.max_duration');
  if (duration !== shown(limits.stop.max_duration))
    put('stop', 'max_duration', duration === '' ? null : /^[\d.]+$/.test(duration) ? Number(duration) : duration);
  const running = text('stop.running_trials');
  if (running !== limits.stop.running_trials) put('stop', 'running_trials', running);
  for (const parameter of filled.parameters) {
    const base = overview.parameters.find((each) => each.name === parameter.name) ?? parameter;
    const inputs = /** @type {HTMLInputElement[]} */ ([
      ...form.querySelectorAll(`[data-parameter="${CSS.escape(parameter.name)}"]`),
    ]);
    if (parameter.values) {
      const kept = inputs.filter((each) => each.checked).map((each) => parameter.values[Number(each.dataset.index)]);
      if (inputs.length && kept.length !== base.values.length) put('space', parameter.name, { values: kept });
      continue;
    }
    /** @type {Record<string, number>} */
    const bounds = {};
    for (const input of inputs) {
      const bound = /** @type {'low' | 'high'} */ (input.dataset.bound);
      if (input.value !== '' && Number(input.value) !== base[bound]) bounds[bound] = Number(input.value);
    }
    if (Object.keys(bounds).length) put('space', parameter.name, bounds);
  }
  return body;
}
