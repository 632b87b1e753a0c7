// How many versions came and went each month.

import { PALETTE } from '../chart.js';
import { many } from '../format.js';
import { axis, frame, legend, tip } from './shared.js';

/** @type {Array<[string, string]>} */
const COUNTS = [
  ['offered', 'offered'],
  ['decided', 'decided'],
  ['in_use', 'put in use'],
];

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Versions each month',
  load: (context) => context.get('efficiency'),
  empty: (data) => (data.months.length ? '' : 'No version was offered yet.'),
  option: (data) => ({
    grid: frame(),
    legend: legend({ data: COUNTS.map(([, label]) => label) }),
    xAxis: axis({ type: 'category', data: data.months.map((each) => each.month), scale: false, name: 'month (UTC)' }),
    yAxis: axis({ type: 'value', min: 0, minInterval: 1, scale: false, name: 'versions', nameGap: 36 }),
    tooltip: {
      trigger: 'axis',
      axisPointer: { type: 'none' },
      formatter: ([{ dataIndex }]) =>
        tip(
          data.months[dataIndex].month,
          COUNTS.map(([key, label]) => [label, data.months[dataIndex][key]]),
        ),
    },
    series: COUNTS.map(([key, label], i) => ({
      name: label,
      type: 'bar',
      barMaxWidth: 22,
      data: data.months.map((each) => each[key]),
      itemStyle: { color: PALETTE[i] },
    })),
  }),
  describe(data) {
    const last = data.months[data.months.length - 1];
    return `In ${last.month}: ${many(last.offered, 'version')} offered, ${last.decided} decided, ${last.in_use} put in use.`;
  },
  numbers: (data) => ({
    head: ['Month', ...COUNTS.map(([, label]) => label)],
    rows: data.months.map((each) => [each.month, ...COUNTS.map(([key]) => each[key])]),
  }),
};
