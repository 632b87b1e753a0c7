// What an experiment file will do, and what there is to say of it.

import { h } from './dom.js';
import { cost, duration, number, setting } from './format.js';
import { plainTable } from './run-details.js';

/**
 * Problems, warnings or notes, each with its line.
 *
 * @param {any[]} found
 * @param {((line: number) => void) | null} goTo shows a line, where there is an editor
 */
export function listed(found, goTo = null) {
  return h(
    'ul',
    {},
    found.map((each) =>
      h(
        'li',
        {},
        each.line === null || !goTo
          ? null
          : h('button', { type: 'button', class: 'small', onclick: () => goTo(each.line) }, `line ${each.line}`),
        ' ',
        each.path ? h('strong', {}, `${each.path}: `) : null,
        each.message,
        each.suggestion ? h('div', { class: 'hint' }, each.suggestion) : null,
        each.allowed?.length ? h('div', { class: 'hint' }, `Allowed: ${[each.allowed].flat().join(', ')}`) : null,
      ),
    ),
  );
}

/** @param {any[]} found @param {((line: number) => void) | null} goTo */
export const problems = (found, goTo = null) => [
  h('h2', {}, found.length === 1 ? 'One problem' : `${found.length} problems`),
  listed(found, goTo),
];

/** What is valid and yet worth a look: warnings first, then notes. @param {any[]} found @param {((line: number) => void) | null} goTo */
export function remarks(found, goTo = null) {
  const [warnings, notes] = ['warning', 'note'].map((kind) => found.filter((each) => each.severity === kind));
  return [
    warnings.length
      ? h(
          'div',
          { class: 'notice', id: 'warnings' },
          h('h3', {}, warnings.length === 1 ? 'One thing to look at' : `${warnings.length} things to look at`),
          listed(warnings, goTo),
        )
      : null,
    notes.length
      ? h('div', { id: 'notes' }, h('h3', {}, notes.length === 1 ? 'A note' : 'Notes'), listed(notes, goTo))
      : null,
  ];
}

/** @param {any} checked @param {any} remarks what to look at in a file that is fine */
export function preview({ name, preview: found, most }, remarks) {
  const facts = found
    ? [
        ['Algorithm', [found.algorithm, found.note ? h('div', { class: 'hint' }, found.note) : null]],
        ['Trials', number(found.trials)],
        ['Training runs', number(found.jobs)],
        ['At once', number(found.concurrency)],
        ...(found.size ? [['Combinations', number(found.size)]] : []),
        ...(found.units ? [[`Units${found.unit ? ` (${found.unit})` : ''}`, number(found.units)]] : []),
        ...(found.deadline ? [['Over after', duration(found.deadline)]] : []),
        ...expected(found, most),
      ]
    : [];
  const ranges = Object.entries(found?.searched ?? {}).filter(([, said]) => said);
  const names = found?.first?.length ? Object.keys(found.first[0].params) : [];
  return [
    h('h2', {}, h('span', { class: 'tone-good' }, '✓ '), `${name} is fine`),
    remarks,
    found
      ? plainTable(['What it does', 'Value'], facts, 'What the file says')
      : h('p', { class: 'muted' }, 'The server lays out other searches just now: there is no preview of this one.'),
    ranges.length ? plainTable(['Parameter', 'How it is searched'], ranges, 'Ranges') : null,
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

/** What a model's file will do. @param {any} checked @param {any} remarks what to look at in a file that is fine */
export const toldPreview = ({ kind, name, told, dags }, remarks) => [
  h('h2', {}, h('span', { class: 'tone-good' }, '✓ '), `The ${kind === 'model' ? 'model' : 'annotation project'} ${name} is fine`),
  remarks,
  h(
    'ul',
    {},
    told.map((each) => h('li', {}, each)),
  ),
  h('p', { class: 'muted' }, `In Airflow: ${dags.join(', ')}.`),
];

/** How long and how dear it may be: by a given time of a trial, and by the file's own limits. @param {any} found @param {any} most */
function expected({ forecast, basis }, most) {
  const rows = [];
  if (forecast?.seconds_left) {
    const hint = basis ? h('div', { class: 'hint' }, basis) : null;
    rows.push(['Time, about', [duration(forecast.seconds_left), hint]]);
    if (forecast.cost_left) rows.push(['Cost, about', cost(forecast.cost_left)]);
  }
  if (most?.seconds) rows.push(['Training time at most', duration(most.seconds)]);
  if (most?.cost) rows.push(['Cost at most', cost(most.cost)]);
  return rows;
}
