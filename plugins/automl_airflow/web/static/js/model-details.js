// What a model gets right and wrong: figures, plots, classes, and the worst errors with their rows.

import { get } from './api.js';
import { explain } from './dialog.js';
import { fill, h } from './dom.js';
import { many, number, setting } from './format.js';
import { shortName } from './names.js';
import { Panel } from './panel.js';
import { figures } from './parts.js';
import { plainTable } from './run-details.js';
import confusionPlot from './plots/confusion.js';
import { againstPlot, residualPlot } from './plots/residuals.js';
import { calibrationPlot, precisionPlot, rocPlot } from './plots/scores.js';

const CLASSES = 12; // rows of the table of classes before it is folded

const NAMES = {
  accuracy: 'Accuracy',
  balanced_accuracy: 'Balanced accuracy',
  macro_f1: 'Macro F1',
  weighted_f1: 'Weighted F1',
  errors: 'Errors',
  r2: 'R²',
  rmse: 'RMSE',
  mae: 'MAE',
  median_absolute_error: 'Median absolute error',
  bias: 'Bias',
  max_error: 'Largest error',
};

export class ModelDetails {
  /** @param {string} path of the trial, or of the stage, in the API */
  constructor(path) {
    this.path = path;
    this.element = h('section', { class: 'card', 'aria-label': 'Model details', hidden: true });
    this.known = '';
  }

  /** Looks for details, and shows them where they are new. */
  async refresh() {
    const data = await get(`${this.path}/details`);
    const text = JSON.stringify(data);
    if (text === this.known) return;
    this.known = text;
    this.element.hidden = data.kind === null && !data.problem;
    if (data.kind === null) {
      fill(this.element, h('h2', {}, 'Model details'), h('p', { class: 'problems' }, data.problem ?? ''));
      return;
    }
    fill(
      this.element,
      heading(data),
      this.plots(data),
      data.kind === 'classification' ? classes(data) : null,
      this.worst(),
    );
  }

  /** @param {any} data */
  plots(data) {
    const { scores } = data;
    const wanted =
      data.kind === 'regression'
        ? [againstPlot(), residualPlot()]
        : [
            confusionPlot(),
            ...(scores?.curves.length ? [rocPlot(), precisionPlot()] : []),
            ...(scores?.calibration ? [calibrationPlot()] : []),
          ];
    const context = { path: this.path, overview: null, trialPage: () => '', get: async () => data };
    return h(
      'div',
      { class: 'panels' },
      wanted.map((plot) => new Panel(plot, context).element),
    );
  }

  /** The worst errors, asked for when somebody wants to see rows of data. */
  worst() {
    const place = h('div', {}, h('p', { class: 'muted' }, 'Loading …'));
    let asked = false;
    return h(
      'details',
      {
        class: 'fold worst',
        ontoggle: async (/** @type {Event} */ event) => {
          if (asked || !(/** @type {HTMLDetailsElement} */ (event.target).open)) return;
          asked = true;
          try {
            fill(place, groups(await get(`${this.path}/details/rows`)));
          } catch (error) {
            asked = false;
            explain(place, error);
          }
        },
      },
      h('summary', {}, 'Worst errors, with their rows'),
      place,
    );
  }
}

/** @param {any} data */
function heading(data) {
  const left = Object.entries(data.left_out).map(([why, count]) => `${many(count, 'row')} ${why}`);
  return [
    h('h2', {}, 'Model details'),
    h(
      'p',
      { class: 'muted' },
      `From ${data.file}: ${many(data.counted, 'row')}${data.weighted ? ', weighted by the column weight' : ''}${left.length ? `; left out: ${left.join(', ')}` : ''}.`,
    ),
    figures(Object.entries(data.overall).map(([name, value]) => [NAMES[name] ?? name, number(value)])),
  ];
}

/** @param {any} data */
function classes(data) {
  const columns = data.per_class;
  const rows = columns.class.map((name, i) => [
    shortName(name, 40),
    number(columns.support[i]),
    number(columns.predicted[i]),
    number(columns.precision[i]),
    number(columns.recall[i]),
    number(columns.f1[i]),
  ]);
  const head = ['Class', 'Rows', 'Predicted', 'Precision', 'Recall', 'F1'];
  const table = h(
    'div',
    { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': 'Classes' },
    plainTable(head, rows, 'Classes'),
  );
  const more = data.classes > rows.length ? ` (${rows.length} of ${data.classes}, those with the most rows)` : '';
  if (rows.length <= CLASSES) return h('div', {}, h('h3', {}, 'Classes'), table);
  return h('details', { class: 'fold' }, h('summary', {}, `${number(rows.length)} classes${more}`), table);
}

/** @param {any} data the worst errors */
function groups(data) {
  if (!data.groups?.some((each) => each.rows.length)) return h('p', { class: 'muted' }, 'There are no errors.');
  const classified = data.kind === 'classification';
  const order = data.by_confidence
    ? 'the most confident mistakes first'
    : 'in the order of the file: there are no scores';
  const head = [
    'Id',
    'Truth',
    'Prediction',
    classified ? 'Confidence' : 'Error',
    ...data.columns.map((each) => shortName(each)),
  ];
  const cells = (row) => [
    row.id === null ? `row ${row.row}` : shortName(row.id, 40),
    shortName(setting(row.truth), 40),
    shortName(setting(row.prediction), 40),
    number(classified ? row.confidence : row.error),
    ...data.columns.map((name) => shortName(setting(row.values[name]), 60)),
  ];
  const note = data.columns_left_out
    ? ` ${many(data.columns_left_out, 'further column')} of the file are not shown.`
    : '';
  return [
    h('p', { class: 'muted' }, `${classified ? `Of each class ${order}.` : 'The largest first.'}${note}`),
    data.groups.map((group) => {
      const name = classified ? `${group.class}: ${number(group.wrong)} wrong` : 'Largest errors';
      return [
        h('h3', {}, shortName(name, 80)),
        h(
          'div',
          { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': name },
          plainTable(head.map(copied), group.rows.map(cells), name),
        ),
      ];
    }),
  ];
}

/** An element stands in one table only. @param {any} cell */
const copied = (cell) => (cell instanceof Node ? cell.cloneNode(true) : cell);
