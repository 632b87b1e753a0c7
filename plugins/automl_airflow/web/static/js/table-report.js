// A table's model: how good it is, what was found in the data, which pipelines were tried, which columns matter.

import { get } from './api.js';
import { fill, h } from './dom.js';
import { many, number } from './format.js';
import { ModelDetails } from './model-details.js';
import { decided, folded, guardrails, leaderboard, reportLink } from './model-parts.js';
import { shortName } from './names.js';
import { Panel } from './panel.js';
import { figures } from './parts.js';
import columnPlot from './plots/table-importance.js';
import foldPlot from './plots/table-folds.js';
import { plainTable } from './run-details.js';

const CLEAN =
  'Nothing: no leak of the target, no group or time that a random split would mix, no identifier, nothing else that was looked for.';

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
    const heads = h('div', { class: 'cards' }, this.quality(table), guardrails(table, CLEAN));
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
      decided(table.notes),
      reportLink(this.context),
    );
  }

  /** @param {any} table */
  board(table) {
    const head = ['', 'Pipeline', table.metric, 'Time', 'In the model', 'Parameters, or how it ended'];
    const missing = table.pipelines - table.leaderboard.length;
    return h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Pipelines'),
      folded(head, leaderboard(table, this.context), 'Pipelines'),
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
