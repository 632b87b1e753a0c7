// How much better or worse a version is than the one in use, on all rows and on each slice, with intervals.

import { number } from '../format.js';
import { interval, signed } from '../model-words.js';
import { shorten } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

const MOST = 24;

/** @param {any} data @returns {Array<{name: string, rows: number, value: number, low: number | null, high: number | null, state: string, all: boolean}>} */
function linesOf(data) {
  const alone = data.champion === null;
  const whole = alone ? data.metrics[data.metric.name]?.challenger : data.difference;
  const found = whole?.value === null || !whole ? [] : [{ name: 'all rows', rows: data.data.scored, ...whole, state: '', all: true }];
  for (const each of data.slices) {
    const told = alone ? each.challenger : each.difference;
    if (told?.value === null || !told) continue;
    found.push({ ...told, name: `${each.column} = ${each.value}`, rows: each.rows, state: each.state, all: false });
  }
  return found.slice(0, MOST);
}

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Difference, on all rows and on slices',
  hint: 'A line is the interval, a point the value; the dashed line is no difference.',
  full: true,
  load: (context) => context.get('evidence'),
  empty: (data) => (linesOf(data).length ? '' : 'There is no difference to draw: nothing could be measured.'),
  option(data) {
    const lines = linesOf(data);
    const alone = data.champion === null;
    const good = data.metric.direction === 'maximize' ? 1 : -1;
    const tone = (each) => {
      if (alone) return colour('busy');
      if (each.low !== null && each.high !== null && each.low <= 0 && each.high >= 0) return colour('muted');
      return colour(each.value * good > 0 ? 'good' : 'bad');
    };
    return {
      grid: frame({ left: 170, top: 10, right: 30 }),
      xAxis: axis({
        type: 'value',
        name: alone ? data.metric.name : `difference in ${data.metric.name} (${good > 0 ? 'right is better' : 'left is better'})`,
        axisLabel: { formatter: alone ? number : signed, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: axis({
        type: 'category',
        data: lines.map((each) => shorten(each.name, 24)),
        inverse: true,
        scale: false,
        splitLine: { show: false },
        axisLabel: { color: colour('text'), width: 155, overflow: 'truncate' },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ data: [, , , , i] }) =>
          tip(lines[i].name, [
            [alone ? data.metric.name : 'difference', alone ? number(lines[i].value) : signed(lines[i].value)],
            ['interval', interval(lines[i].low, lines[i].high, !alone)],
            ['rows', number(lines[i].rows)],
          ]),
      },
      series: [
        {
          type: 'custom',
          clip: true,
          encode: { x: [1, 2, 3], y: 0 },
          data: lines.map((each, i) => [i, each.value, each.low ?? each.value, each.high ?? each.value, i]),
          renderItem(_, api) {
            const each = lines[api.value(4)];
            const [x, y] = api.coord([api.value(1), api.value(0)]);
            const [x1] = api.coord([api.value(2), api.value(0)]);
            const [x2] = api.coord([api.value(3), api.value(0)]);
            const stroke = tone(each);
            const r = each.all ? 6 : 4;
            return {
              type: 'group',
              children: [
                { type: 'line', shape: { x1, y1: y, x2, y2: y }, style: { stroke, lineWidth: each.all ? 3 : 2 } },
                { type: 'circle', shape: { cx: x, cy: y, r }, style: { fill: stroke } },
              ],
            };
          },
          ...(alone
            ? {}
            : {
                markLine: {
                  silent: true,
                  symbol: 'none',
                  lineStyle: { color: colour('strong-line'), type: 'dashed' },
                  label: { show: false },
                  data: [{ xAxis: 0 }],
                },
              }),
        },
      ],
    };
  },
  describe(data) {
    const [whole, ...rest] = linesOf(data);
    const alone = data.champion === null;
    const first = alone ? `${data.metric.name} is ${number(whole.value)} (${interval(whole.low, whole.high)}).` : `On all rows ${data.metric.name} differs by ${signed(whole.value)} (${interval(whole.low, whole.high, true)}).`;
    const worse = rest.filter((each) => each.state === 'worse').map((each) => each.name);
    const better = rest.filter((each) => each.state === 'better').map((each) => each.name);
    return `${first}${worse.length ? ` Worse on ${worse.join(', ')}.` : ''}${better.length ? ` Better on ${better.join(', ')}.` : ''}`;
  },
  numbers: (data) => ({
    head: ['Rows of', 'How many', data.champion === null ? data.metric.name : 'Difference', 'From', 'To'],
    rows: linesOf(data).map((each) => [each.name, number(each.rows), data.champion === null ? number(each.value) : signed(each.value), number(each.low), number(each.high)]),
  }),
};
