// How often what two versions said came true: the diagonal is right.

import { PALETTE } from '../chart.js';
import { number } from '../format.js';
import { axis, colour, frame, legend, tip } from './shared.js';

/** The two versions that have bins. @param {any} data */
const both = (data) =>
  [
    { name: 'this version', found: data.calibration.challenger, place: 0, symbol: 'circle', dash: 'solid' },
    { name: `version ${data.champion}`, found: data.calibration.champion, place: 1, symbol: 'rect', dash: 'dashed' },
  ].filter(({ found }) => found?.bins);

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Reliability',
  load: (context) => context.get('evidence'),
  empty: (data) => (both(data).some(({ found }) => found.bins.some((each) => each.rows)) ? '' : 'There are no scores.'),
  option: (data) => ({
    grid: frame(),
    legend: legend({ itemWidth: 28, data: both(data).map(({ name }) => name) }),
    xAxis: axis({ type: 'value', name: 'said', min: 0, max: 1, scale: false }),
    yAxis: axis({ type: 'value', name: 'came true', nameGap: 40, min: 0, max: 1, scale: false }),
    tooltip: {
      trigger: 'item',
      formatter: ({ seriesName, data: [said, was, rows] }) =>
        tip(seriesName, [
          ['said', number(said)],
          ['came true', number(was)],
          ['rows', number(rows)],
        ]),
    },
    series: [
      {
        name: '',
        type: 'line',
        data: [
          [0, 0],
          [1, 1],
        ],
        symbol: 'none',
        silent: true,
        lineStyle: { color: colour('muted'), width: 1, type: 'dotted' },
        tooltip: { show: false },
      },
      ...both(data).map(({ name, found, place, symbol, dash }) => ({
        name,
        type: 'line',
        symbol,
        symbolSize: 7,
        data: found.bins.filter((each) => each.rows && each.said !== null && each.was !== null).map((each) => [each.said, each.was, each.rows]),
        itemStyle: { color: PALETTE[place] },
        lineStyle: { width: 2, type: dash },
      })),
    ],
  }),
  describe: (data) => `${both(data).map(({ name, found }) => `${name}: expected calibration error ${number(found.ece)}, Brier score ${number(found.brier)}`).join('; ')}.`,
  numbers: (data) => ({
    head: ['Version', 'Said from', 'To', 'Rows', 'Said', 'Came true'],
    rows: both(data).flatMap(({ name, found }) => found.bins.map((each) => [name, number(each.low), number(each.high), number(each.rows), number(each.said), number(each.was)])),
  }),
};
