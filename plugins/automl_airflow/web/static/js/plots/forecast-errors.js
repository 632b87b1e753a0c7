// How errors grow along the horizon, and how good forecasts were from each moment of the past.

import { number } from '../format.js';
import { axis, colour, frame, tip } from './shared.js';

/** @param {any} told @returns {import('../panel.js').Plot} */
export function stepPlot(told) {
  const steps = told.steps.filter((each) => each.mase !== null);
  return {
    title: 'Errors by step ahead',
    hint: 'In units of the seasonal naive forecast’s errors on the series’ past.',
    load: async () => told,
    empty: () => (steps.length ? '' : 'No forecast has been compared with what came.'),
    option: () => ({
      grid: frame({ top: 14 }),
      xAxis: axis({ type: 'category', name: 'step ahead', data: steps.map((each) => String(each.step)), scale: false }),
      yAxis: axis({ type: 'value', name: 'MASE', nameGap: 46, min: 0 }),
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex }) =>
          tip(`Step ${steps[dataIndex].step}`, [
            ['MASE', number(steps[dataIndex].mase)],
            ['mean error', number(steps[dataIndex].bias)],
            ['forecasts', number(steps[dataIndex].values)],
          ]),
      },
      series: [
        {
          type: 'bar',
          data: steps.map((each) => each.mase),
          itemStyle: { color: colour('busy') },
        },
      ],
    }),
    describe: () =>
      `MASE ${number(steps[0].mase)} at the first step, ${number(steps[steps.length - 1].mase)} at step ${steps[steps.length - 1].step}.`,
    numbers: () => ({
      head: ['Step', 'MASE', 'Mean error', 'Forecasts'],
      rows: steps.map((each) => [each.step, number(each.mase), number(each.bias), number(each.values)]),
    }),
  };
}

/** @param {any} told @returns {import('../panel.js').Plot} */
export function originPlot(told) {
  const moments = told.by_origin.filter((each) => each.value !== null);
  const kept = (each) => (each.kind === 'test' ? 'kept from the search' : '');
  return {
    title: 'By moment of the forecast',
    hint: 'The diamond was kept from the search. Far apart: the time decides more than the learner does.',
    load: async () => told,
    empty: () => (moments.length ? '' : 'No forecast has been compared with what came.'),
    option: () => ({
      grid: frame({ top: 14 }),
      xAxis: axis({ type: 'category', name: 'forecast after', data: moments.map((each) => each.from), scale: false }),
      yAxis: axis({ type: 'value', name: told.metric, nameGap: 46 }),
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex }) => {
          const each = moments[dataIndex];
          return tip(each.from, [
            [told.metric, number(each.value)],
            ['series', number(each.series)],
            ['', kept(each)],
          ]);
        },
      },
      series: [
        {
          type: 'line',
          lineStyle: { color: colour('line') },
          itemStyle: { color: colour('busy') },
          symbolSize: 9,
          data: moments.map((each) => ({
            value: each.value,
            symbol: each.kind === 'test' ? 'diamond' : 'circle',
            symbolSize: each.kind === 'test' ? 14 : 9,
          })),
        },
      ],
    }),
    describe: () => {
      const values = moments.map((each) => each.value);
      return `${told.metric} from ${number(Math.min(...values))} to ${number(Math.max(...values))} over ${number(moments.length)} moments.`;
    },
    numbers: () => ({
      head: ['Forecast after', told.metric, 'Series', ''],
      rows: moments.map((each) => [each.from, number(each.value), number(each.series), kept(each)]),
    }),
  };
}
