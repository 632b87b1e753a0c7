// What the page of a model shows of tables and of series alike.

import { apiAddress } from './api.js';
import { h } from './dom.js';
import { duration, many, number, setting } from './format.js';
import { shortName } from './names.js';
import { plainTable } from './run-details.js';

const LISTED = 30; // rows before the rest is folded away

/** @param {number | null | undefined} value */
export const share = (value) => (value === null || value === undefined ? '–' : `${Number((100 * value).toPrecision(3))} %`);

/** What was decided on the way, folded. @param {string[]} notes */
export function decided(notes) {
  return notes.length
    ? h(
        'details',
        { class: 'fold' },
        h('summary', {}, 'What was decided on the way'),
        h(
          'ul',
          {},
          notes.map((each) => h('li', {}, each)),
        ),
      )
    : null;
}

/** @param {import('./panel.js').Context} context */
export function reportLink(context) {
  return h(
    'p',
    {},
    h(
      'a',
      { class: 'button', href: apiAddress(`${context.path}/table/report`), target: '_blank', rel: 'noopener' },
      'Report',
    ),
  );
}

/** The trials that were tried, a row each, the best first. @param {any} told @param {import('./panel.js').Context} context */
export function leaderboard(told, context) {
  return told.leaderboard.map((each, place) => [
    number(place + 1),
    h('a', { href: context.trialPage(each.trial) }, `${each.learner} (trial ${each.trial})`),
    number(each.value),
    each.seconds === null ? '–' : duration(each.seconds),
    each.weight === null || each.weight === undefined ? '' : share(each.weight),
    ending(each) || parameters(each.params),
  ]);
}

/** How a trial ended that did not come to its own end, with the reason. @param {any} each */
function ending(each) {
  if (!each.state || each.state === 'succeeded') return each.reason;
  return each.reason ? `${each.state}: ${each.reason}` : each.state;
}

/** A table whose rest is folded away. @param {string[]} head @param {any[][]} rows @param {string} label */
export function folded(head, rows, label) {
  const list = (some, name) =>
    h('div', { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': name }, plainTable(head, some, name));
  const rest = rows.slice(LISTED);
  return [
    list(rows.slice(0, LISTED), label),
    rest.length
      ? h('details', { class: 'fold' }, h('summary', {}, `${number(rest.length)} more`), list(rest, `Further ${label.toLowerCase()}`))
      : null,
  ];
}

/** A trial's parameters, folded. @param {Record<string, any>} params */
function parameters(params) {
  const told = Object.entries(params).map(([name, value]) => `${name}=${setting(value)}`);
  if (!told.length) return '';
  return h('details', {}, h('summary', {}, many(told.length, 'parameter')), h('span', { class: 'mono' }, told.join(' ')));
}

/** What was found in the data. @param {any} table @param {string} clean said where nothing was */
export function guardrails(table, clean) {
  const found = [...table.guardrails].sort((a, b) => Number(b.certain) - Number(a.certain));
  const one = (each) => {
    const columns = each.columns.map((name) => shortName(name, 40));
    const more = each.columns_in_all - columns.length;
    return h(
      'li',
      { class: each.certain ? 'certain' : 'doubtful' },
      h('strong', {}, `${each.certain ? 'Certain' : 'Doubtful'}: ${each.kind.replaceAll('_', ' ')}`),
      columns.length ? [' (', columns.flatMap((name, i) => (i ? [', ', name] : [name])), more > 0 ? ` and ${more} more` : '', ')'] : null,
      h('p', {}, each.found),
      each.done ? h('p', {}, `Done: ${each.done}`) : null,
      each.advice ? h('p', {}, `What to do: ${each.advice}`) : null,
    );
  };
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'What was found in the data'),
    found.length
      ? h('ul', { class: 'guardrails' }, found.map(one))
      : h('p', { class: 'muted' }, clean),
  );
}
