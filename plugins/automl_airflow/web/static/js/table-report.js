// A table's model: how good it is, what was found in the data, which pipelines were tried, which columns matter.

import { apiAddress, get } from './api.js';
import { fill, h } from './dom.js';
import { duration, many, number, setting } from './format.js';
import { ModelDetails } from './model-details.js';
import { shortName } from './names.js';
import { Panel } from './panel.js';
import { figures } from './parts.js';
import columnPlot from './plots/table-importance.js';
import foldPlot from './plots/table-folds.js';
import { plainTable } from './run-details.js';

const LISTED = 30; // pipelines before the rest is folded away

export class TableReport {
  /** @param {import('./panel.js').Context} context */
  constructor(context) {
    this.context = context;
    this.place = h('div');
    this.details = new ModelDetails(`${context.path}/conclude`);
    this.element = h('div', { class: 'stack' }, this.place, this.details.element);
    this.known = '';
  }

  /** Looks for the report, and shows it where it is new. */
  async refresh() {
    const table = await get(`${this.context.path}/table`);
    const text = JSON.stringify(table);
    if (text === this.known) return;
    this.known = text;
    if (table.kind === null) {
      const why = table.problem ?? 'The model is made after the last trial, by conclude; what it has found will stand here.';
      fill(this.place, h('section', { class: 'card' }, h('h2', {}, 'Model'), h('p', { class: 'muted' }, why)));
      return;
    }
    const heads = h('div', { class: 'cards' }, this.quality(table), guardrails(table));
    fill(this.place, h('div', { class: 'stack' }, heads, this.board(table), this.plots(table)));
    await this.details.refresh();
  }

  /** @param {any} table */
  quality(table) {
    const { test, validation } = table;
    const measured = test.metrics.length
      ? plainTable(
          ['Metric', 'Value', 'Interval (95 %)'],
          test.metrics.map((each) => [
            each.name,
            number(each.value),
            each.low === null || each.high === null ? '–' : `${number(each.low)} to ${number(each.high)}`,
          ]),
          'Metrics of the model',
        )
      : null;
    const where = test.untouched
      ? `Measured once on ${many(test.rows, 'row')} that took no part in the search.`
      : `No part was kept from the search: measured on ${many(test.rows ?? 0, 'row')} held out in it, by which it chose, so rather too good.`;
    const judged = [
      validation.kind,
      validation.folds && `${validation.folds} folds`,
      validation.group && `groups by ${validation.group}`,
      validation.time && `in the order of ${validation.time}`,
    ].filter(Boolean);
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Model'),
      figures([
        ['Predicts', shortName(table.target, 40)],
        ['Rows', number(table.rows)],
        ['Columns', number(table.columns)],
        ['Pipelines', number(table.pipelines)],
      ]),
      h('p', { class: 'muted' }, where),
      measured,
      h('p', { class: 'muted' }, `Pipelines were judged by ${judged.join(', ')}. ${validation.why ?? ''}`),
      table.notes.length
        ? h(
            'details',
            { class: 'fold' },
            h('summary', {}, 'What was decided on the way'),
            h(
              'ul',
              {},
              table.notes.map((each) => h('li', {}, each)),
            ),
          )
        : null,
      h(
        'p',
        {},
        h(
          'a',
          { class: 'button', href: apiAddress(`${this.context.path}/table/report`), target: '_blank', rel: 'noopener' },
          'Report',
        ),
      ),
    );
  }

  /** @param {any} table */
  board(table) {
    const row = (each, place) => [
      number(place + 1),
      h('a', { href: this.context.trialPage(each.trial) }, `${each.learner} (trial ${each.trial})`),
      number(each.value),
      each.seconds === null ? '–' : duration(each.seconds),
      each.weight === null || each.weight === undefined ? '' : `${(100 * each.weight).toFixed(0)} %`,
      each.reason || parameters(each.params),
    ];
    const head = ['', 'Pipeline', table.metric, 'Time', 'In the model', 'Parameters, or why it failed'];
    const rows = table.leaderboard.map(row);
    const list = (some, label) =>
      h('div', { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': label }, plainTable(head, some, label));
    const rest = rows.slice(LISTED);
    const missing = table.pipelines - rows.length;
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Pipelines'),
      list(rows.slice(0, LISTED), 'Pipelines'),
      rest.length
        ? h('details', { class: 'fold' }, h('summary', {}, `${number(rest.length)} more`), list(rest, 'Further pipelines'))
        : null,
      missing > 0 ? h('p', { class: 'muted' }, `${many(missing, 'further pipeline')} stand in report.json alone.`) : null,
    );
  }

  /** @param {any} table */
  plots(table) {
    const wanted = [foldPlot(table), columnPlot(table)];
    return h(
      'div',
      { class: 'panels' },
      wanted.map((plot) => new Panel(plot, this.context).element),
    );
  }
}

/** A trial's parameters, folded. @param {Record<string, any>} params */
export function parameters(params) {
  const told = Object.entries(params).map(([name, value]) => `${name}=${setting(value)}`);
  if (!told.length) return '';
  return h('details', {}, h('summary', {}, many(told.length, 'parameter')), h('span', { class: 'mono' }, told.join(' ')));
}

const CLEAN =
  'Nothing: no leak of the target, no group or time that a random split would mix, no identifier, nothing else that was looked for.';

/** What was found in the data. @param {any} table @param {string} [clean] said where nothing was */
export function guardrails(table, clean = CLEAN) {
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
