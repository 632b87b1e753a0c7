// How good the version in use has been over time, on the latest data with labels.

import { PALETTE } from '../chart.js';
import { briefTime, number, time } from '../format.js';
import { axis, colour, frame, legend, tip } from './shared.js';

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Quality over time',
  hint: 'Each point is an evaluation on the latest data with labels of that time. Select one to open its version.',
  full: true,
  load: (context) => context.get('quality'),
  empty: (data) => (data.points.length ? '' : 'No version in use has been evaluated yet.'),
  option(data) {
    const versions = [...new Set(data.points.map((each) => each.version))];
    return {
      grid: frame(),
      legend: legend({ data: versions.map((each) => `version ${each}`) }),
      xAxis: axis({
        type: 'value',
        name: 'time',
        splitNumber: 4,
        axisLabel: { formatter: briefTime, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: axis({ type: 'value', name: data.metric ?? '', nameGap: 46, axisLabel: { formatter: number, color: colour('muted') } }),
      tooltip: {
        trigger: 'item',
        formatter: ({ data: [, , i] }) =>
          tip(`Version ${data.points[i].version}`, [
            ['when', time(data.points[i].time)],
            [data.metric ?? 'value', number(data.points[i].value)],
            ...(data.points[i].low != null ? [['interval', `${number(data.points[i].low)} to ${number(data.points[i].high)}`]] : []),
            ...(data.points[i].rows ? [['rows', String(data.points[i].rows)]] : []),
            ...(data.points[i].digest ? [['evidence', data.points[i].digest.slice(0, 12)]] : []),
          ]),
      },
      series: versions.map((version, place) => ({
        name: `version ${version}`,
        type: 'line',
        symbol: ['circle', 'rect', 'triangle', 'diamond'][place % 4],
        symbolSize: 8,
        data: data.points.flatMap((each, i) => (each.version === version ? [[each.time, each.value, i]] : [])),
        itemStyle: { color: PALETTE[(version - 1) % PALETTE.length] },
        lineStyle: { width: 2 },
      })),
    };
  },
  describe(data) {
    const last = data.points[data.points.length - 1];
    const first = data.points.find((each) => each.version === last.version);
    const since = first === last ? '' : `; ${number(first.value)} when it was evaluated first`;
    return `${data.metric}: ${number(last.value)} of version ${last.version} at ${time(last.time)}${since}.`;
  },
  numbers: (data) => ({
    head: ['When', 'Version', data.metric ?? 'value'],
    rows: data.points.map((each) => [time(each.time), each.version, number(each.value)]),
  }),
  trialAt: ({ data: item }, data) => (item ? data.points[item[2]].version : null),
};
