// The goal's value over the steps of the trials that a person has picked, each in a colour of its own.

import { PALETTE } from '../chart.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { look } from '../states.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const DASHES = ['solid', 'dashed', 'dotted', [12, 4, 2, 4], [4, 8], [2, 6]];

/** @param {number[]} trials @returns {import('../panel.js').Plot} */
export default function curvesOf(trials) {
  const name = (each) => `Trial ${each.trial}`;
  return {
    title: 'Intermediate values',
    full: true,
    patience: 2000,
    load: (context) => context.get('curves', { trials: trials.join(','), points: 300 }),
    empty: (data) => (data.curves.some((each) => each.steps.length) ? '' : 'None of them has reported a value.'),
    option: (data) => ({
      grid: frame(),
      legend: legend({ itemWidth: 28 }),
      xAxis: axis({ type: 'value', name: 'step', minInterval: 1 }),
      yAxis: axis({
        type: 'value',
        name: shorten(data.metric),
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      tooltip: {
        trigger: 'axis',
        formatter: (points) =>
          tip(
            `step ${points[0].data[0]}`,
            points.map((each) => [each.seriesName, number(each.data[1])]),
          ),
      },
      series: data.curves.map((each) => {
        const place = Math.max(0, trials.indexOf(each.trial));
        return {
          name: name(each),
          type: 'line',
          symbol: 'circle',
          symbolSize: 4,
          showSymbol: each.steps.length < 60,
          data: each.steps.map((step, i) => [step, each.values[i]]),
          itemStyle: { color: PALETTE[place % PALETTE.length] },
          lineStyle: { width: 2, type: DASHES[place % DASHES.length] },
        };
      }),
    }),
    describe: (data) =>
      `${data.metric}: ${data.curves.map((each) => `${name(each)} ${number(each.values[each.values.length - 1])} after ${each.steps.length} steps`).join('; ')}.`,
    numbers: (data) => ({
      head: ['Trial', 'State', 'Step', data.metric],
      rows: data.curves.flatMap((each) =>
        each.steps.map((step, i) => [each.trial, look(each.state).label, step, number(each.values[i])]),
      ),
    }),
    trialAt: ({ seriesName }) => (seriesName ? Number(seriesName.slice(6)) : null),
  };
}
