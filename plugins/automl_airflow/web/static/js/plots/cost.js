// What was paid over time, and what the best value was for it.

import { cost as money, duration, number } from '../format.js';
import { axis, colour, frame, legend, steps, tip } from './shared.js';

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Cost over time',
  full: true,
  patience: 4000,
  load: (context) => context.get('cost'),
  empty: (data) => (data.columns.time.length ? '' : 'No trial has ended yet.'),
  option(data) {
    const { time, cost, best, trials } = data.columns;
    const start = time[0];
    const limit =
      data.max_cost === null
        ? {}
        : {
            markLine: {
              silent: true,
              symbol: 'none',
              lineStyle: { color: colour('bad'), type: 'dashed' },
              label: {
                formatter: () => `limit ${money(data.max_cost)}`,
                color: colour('bad'),
                position: 'insideEndTop',
              },
              data: [{ yAxis: data.max_cost }],
            },
          };
    return {
      grid: frame({ right: 70 }),
      legend: legend({ data: ['Cost', 'Best so far'] }),
      xAxis: axis({
        type: 'value',
        name: 'since the first end of a trial',
        min: 0,
        scale: false,
        axisLabel: { formatter: duration, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: [
        axis({
          type: 'value',
          name: 'cost',
          nameGap: 46,
          min: 0,
          max: data.max_cost === null ? undefined : Math.max(data.max_cost, data.cost ?? 0) * 1.05,
          axisLabel: { formatter: money, color: colour('muted') },
        }),
        axis({
          type: 'value',
          name: 'best so far',
          nameGap: 50,
          splitLine: { show: false },
          axisLabel: { formatter: number, color: colour('muted') },
        }),
      ],
      tooltip: {
        trigger: 'axis',
        formatter: ([first]) =>
          tip(duration(first.data[0]), [
            ['cost', money(cost[first.dataIndex])],
            ['trials', trials[first.dataIndex]],
            ['best so far', number(best[first.dataIndex])],
          ]),
      },
      series: [
        {
          name: 'Limit',
          type: 'line',
          data: time.map((each, i) => [each - start, cost[i]]),
          symbol: 'none',
          lineStyle: { opacity: 0 },
          ...limit,
        },
        {
          // is not seen: what the pointer is told of is the nearest point of a line
          type: 'line',
          name: 'Best',
          yAxisIndex: 1,
          data: time.map((each, i) => [each - start, best[i]]),
          symbol: 'none',
          lineStyle: { opacity: 0 },
        },
        steps(
          'Cost',
          time.map((each, i) => [each - start, cost[i]]),
          { colour: colour('busy'), area: true },
          { z: 2 },
        ),
        steps(
          'Best so far',
          time.map((each, i) => [each - start, best[i]]).filter((each) => each[1] !== null),
          { colour: colour('good'), dash: [6, 4] },
          { yAxisIndex: 1, z: 3 },
        ),
      ],
    };
  },
  describe: (data) =>
    `${money(data.cost)} spent${data.max_cost === null ? '' : ` of at most ${money(data.max_cost)}`}${data.cost_left === null ? '' : `, about ${money(data.cost_left)} more to come`}.`,
  numbers: (data) => ({
    head: ['After', 'Trials', 'Cost', 'Training time', 'Best so far'],
    rows: data.columns.time.map((each, i) => [
      duration(each - data.columns.time[0]),
      data.columns.trials[i],
      money(data.columns.cost[i]),
      duration(data.columns.seconds[i]),
      number(data.columns.best[i]),
    ]),
  }),
};
