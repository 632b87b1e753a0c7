// One metric of one trial over its steps.

import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

/** @param {string} metric @returns {import('../panel.js').Plot} */
export default function metricPlot(metric) {
  return {
    title: metric,
    load: async (context) => {
      const curve = await context.get('curve');
      return { ...curve.series[metric], live: curve.live, seq: curve.seq };
    },
    empty: (data) => (data.steps?.length ? '' : 'Nothing was reported.'),
    option: (data) => ({
      grid: frame({ top: 14 }),
      xAxis: axis({ type: 'value', name: 'step' }), // a step may be a fraction (epoch 0.25)
      yAxis: axis({
        type: 'value',
        name: shorten(metric),
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      tooltip: {
        trigger: 'axis',
        formatter: ([first]) => tip(`step ${first.data[0]}`, [[metric, number(first.data[1])]]),
      },
      series: [
        {
          type: 'line',
          symbol: 'circle',
          data: data.steps.map((step, i) => [step, data.values[i]]),
          showSymbol: data.steps.length < 60,
          symbolSize: 5,
          itemStyle: { color: colour('busy') },
        },
      ],
    }),
    describe: (data) =>
      `${metric} over ${data.steps.length} steps${data.live ? ' so far' : ''}: from ${number(data.values[0])} to ${number(data.values[data.values.length - 1])}.`,
    numbers: (data) => ({ head: ['Step', metric], rows: data.steps.map((step, i) => [step, number(data.values[i])]) }),
  };
}
