// What the scores of a model are worth: ROC and precision-recall curves, calibration.

import { PALETTE } from '../chart.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const DASHES = ['solid', 'dashed', 'dotted'];

/** A line of chance or of perfection, beside which others are seen. @param {number[][]} points */
const beside = (points) => ({
  name: '',
  type: 'line',
  data: points,
  symbol: 'none',
  silent: true,
  lineStyle: { color: colour('muted'), width: 1, type: 'dotted' },
  tooltip: { show: false },
});

/** @param {string} name @param {Record<string, any>} [own] */
const unit = (name, own = {}) => axis({ type: 'value', name, min: 0, max: 1, scale: false, ...own });

/**
 * One of the two curves of all classes that have scores.
 *
 * @param {string} title
 * @param {{x: string, y: string, part: string, across: string, up: string, area: string, chance: number[][] | null}} how
 * @returns {import('../panel.js').Plot}
 */
function curvePlot(title, { x, y, part, across, up, area, chance }) {
  const name = (each) => shorten(each.class, 24);
  return {
    title,
    load: async (context) => context.get('details'),
    empty: (data) => (data.scores?.curves.length ? '' : 'There are no scores of a class.'),
    option: (data) => ({
      grid: frame(),
      legend: legend({ itemWidth: 28, data: data.scores.curves.map(name) }),
      xAxis: unit(across),
      yAxis: unit(up, { nameGap: 40 }),
      tooltip: {
        trigger: 'item',
        formatter: ({ seriesIndex, data: point }) => {
          const each = data.scores.curves[seriesIndex];
          return each && Array.isArray(point)
            ? tip(each.class, [
                [across, number(point[0])],
                [up, number(point[1])],
                [area.replaceAll('_', ' '), number(each[area])],
              ])
            : '';
        },
      },
      series: [
        ...data.scores.curves.map((each, place) => ({
          name: name(each),
          type: 'line',
          symbol: 'circle',
          symbolSize: 4,
          showSymbol: each[part][x].length < 30,
          triggerLineEvent: true,
          data: each[part][x].map((value, i) => [value, each[part][y][i]]),
          itemStyle: { color: PALETTE[place % PALETTE.length] },
          lineStyle: { width: 2, type: DASHES[Math.floor(place / PALETTE.length) % DASHES.length] },
        })),
        ...(chance ? [beside(chance)] : []),
      ],
    }),
    describe: (data) =>
      `${area === 'roc_auc' ? 'Area under the ROC curve' : 'Average precision'}: ${data.scores.curves.map((each) => `${each.class} ${number(each[area])}`).join(', ')}. Scores were taken for ${data.scores.meaning}${data.scores.missing ? `; ${number(data.scores.missing)} rows have none` : ''}.`,
    numbers: (data) => ({
      head: ['Class', across, up],
      rows: data.scores.curves.flatMap((each) =>
        each[part][x].map((value, i) => [each.class, number(value), number(each[part][y][i])]),
      ),
    }),
  };
}

export const rocPlot = () =>
  curvePlot('ROC curve', {
    part: 'roc',
    x: 'false_positive_rate',
    y: 'true_positive_rate',
    across: 'false positive rate',
    up: 'true positive rate',
    area: 'roc_auc',
    chance: [
      [0, 0],
      [1, 1],
    ],
  });

export const precisionPlot = () =>
  curvePlot('Precision and recall', {
    part: 'precision_recall',
    x: 'recall',
    y: 'precision',
    across: 'recall',
    up: 'precision',
    area: 'average_precision',
    chance: null,
  });

/** @returns {import('../panel.js').Plot} */
export function calibrationPlot() {
  return {
    title: 'Calibration',
    hint: 'On the dotted line a score is the probability that it looks like; above it the model is too careful.',
    load: async (context) => context.get('details'),
    empty: (data) => (data.scores?.calibration ? '' : 'The scores are no probabilities.'),
    option: (data) => {
      const bins = data.scores.calibration.bins.filter((each) => each.rows);
      return {
        grid: frame({ top: 14 }),
        xAxis: unit('mean score'),
        yAxis: unit('came true', { nameGap: 40 }),
        tooltip: {
          trigger: 'item',
          formatter: ({ data: point }) =>
            Array.isArray(point) && point.length > 2
              ? tip(`scores around ${number(point[0])}`, [
                  ['came true', number(point[1])],
                  ['rows', number(point[2])],
                ])
              : '',
        },
        series: [
          {
            type: 'line',
            symbol: 'circle',
            symbolSize: 8,
            data: bins.map((each) => [each.score, each.true, each.rows]),
            itemStyle: { color: colour('busy') },
          },
          beside([
            [0, 0],
            [1, 1],
          ]),
        ],
      };
    },
    describe: (data) => {
      const { of, expected_error: error, brier } = data.scores.calibration;
      const what = of === null ? 'The confidence in what was predicted' : `The score of ${of}`;
      return `${what} is off by ${number(error)} on average (expected calibration error); Brier score ${number(brier)}.`;
    },
    numbers: (data) => ({
      head: ['Scores', 'Rows', 'Mean score', 'Came true'],
      rows: data.scores.calibration.bins.map((each) => [
        `${each.low} to ${each.high}`,
        number(each.rows),
        number(each.score),
        number(each.true),
      ]),
    }),
  };
}
