// How accurate each round's model was, against what its labels came to in number or in money.

import { PALETTE } from '../chart.js';
import { cost as money, number } from '../format.js';
import { field, h } from '../dom.js';
import { interval, points } from '../ledger-words.js';
import { axis, colour, frame, legend, tip } from './shared.js';

/** @typedef {'labels' | 'cost'} Against */

/** A line from the low end of each interval to its high end. @param {any[]} rounds @param {(each: any) => number} x */
const whiskers = (rounds, x) => ({
  type: 'custom',
  silent: true,
  clip: true,
  z: 1,
  encode: { x: 0, y: [1, 2] },
  data: rounds.map((each) => [x(each), each.accuracy.low, each.accuracy.high]),
  renderItem(_, api) {
    const [at, low] = api.coord([api.value(0), api.value(1)]);
    const [, high] = api.coord([api.value(0), api.value(2)]);
    const style = { stroke: PALETTE[0], lineWidth: 1.5, opacity: 0.7 };
    const cap = (y) => ({ type: 'line', shape: { x1: at - 4, y1: y, x2: at + 4, y2: y }, style });
    return { type: 'group', children: [{ type: 'line', shape: { x1: at, y1: low, x2: at, y2: high }, style }, cap(low), cap(high)] };
  },
});

/** @returns {import('../panel.js').Plot} */
export default function accuracyPlot() {
  /** @type {Against} */
  let against = 'labels';
  return {
    title: 'What labels brought',
    hint: 'Each point is a round’s model on the labelled items of the random stratum, which no model learns from, with its 95 % interval. Intervals of two rounds may overlap though the difference is certain: rounds are judged on the same items, and the table of rounds compares them item by item.',
    full: true,
    load: (context) => context.get('ledger'),
    empty: (data) => (data.brought.rounds.length ? '' : 'No round’s model has been evaluated yet.'),
    controls: (_, again) =>
      field(
        'Against',
        h(
          'select',
          {
            onchange: (event) => {
              against = event.target.value;
              again();
            },
          },
          h('option', { value: 'labels' }, 'labels'),
          h('option', { value: 'cost' }, 'money'),
        ),
      ),
    option(data) {
      const { rounds, next } = data.brought;
      const x = (each) => each[against];
      const last = rounds.at(-1);
      const target =
        data.target !== null
          ? {
              silent: true,
              symbol: 'none',
              lineStyle: { color: colour('good'), type: 'dashed' },
              label: { formatter: () => `target ${number(100 * data.target)} %`, color: colour('good'), position: 'insideEndTop' },
              data: [{ yAxis: data.target }],
            }
          : undefined;
      return {
        grid: frame(),
        legend: legend({ data: ['accuracy', ...(next ? ['the next round, by the learning curve'] : [])] }),
        xAxis: axis({ type: 'value', name: against === 'labels' ? 'labels that it learned from' : `spent until then${data.currency ? ` (${data.currency})` : ''}`, axisLabel: { formatter: against === 'cost' ? money : number, color: colour('muted'), hideOverlap: true } }),
        yAxis: axis({
          type: 'value',
          name: 'accuracy',
          nameGap: 46,
          min: (range) => Math.max(0, Math.min(range.min, ...rounds.map((each) => each.accuracy.low)) - 0.01),
          max: (range) => Math.min(1, Math.max(range.max, data.target ?? 0, ...rounds.map((each) => each.accuracy.high)) + 0.01),
          axisLabel: { formatter: (value) => `${number(Number((100 * value).toFixed(1)))} %`, color: colour('muted') },
        }),
        tooltip: { trigger: 'item' },
        series: [
          whiskers(rounds, x),
          {
            name: 'accuracy',
            type: 'line',
            symbol: 'circle',
            symbolSize: 8,
            data: rounds.map((each, i) => [x(each), each.accuracy.value, i]),
            itemStyle: { color: PALETTE[0] },
            lineStyle: { width: 2 },
            markLine: target,
            tooltip: {
              formatter: ({ data: [, , i] }) =>
                tip(`Round ${rounds[i].round}`, [
                  ['model', rounds[i].model],
                  ['accuracy', interval(rounds[i].accuracy)],
                  ['judged on', `${rounds[i].accuracy.of} items`],
                  ['labels', number(rounds[i].labels)],
                  ['spent', money(rounds[i].cost)],
                  ['gain of the round', rounds[i].gain ? points(rounds[i].gain) : null],
                ]),
            },
          },
          ...(next && last
            ? [
                {
                  name: 'the next round, by the learning curve',
                  type: 'line',
                  symbol: 'emptyCircle',
                  symbolSize: 8,
                  data: [
                    [x(last), last.accuracy.value],
                    [x(last) + next[against], Math.min(1, last.accuracy.value + next.gain)],
                  ],
                  itemStyle: { color: colour('muted') },
                  lineStyle: { width: 2, type: 'dashed' },
                  tooltip: { formatter: () => tip('The next round', [['would bring', points({ value: next.gain, low: next.low, high: next.high })], ['labels', number(next.labels)], ['cost', money(next.cost)]]) },
                },
              ]
            : []),
        ],
      };
    },
    describe(data) {
      const last = data.brought.rounds.at(-1);
      const told = [`Round ${last.round}: ${interval(last.accuracy)} on ${last.accuracy.of} items.`];
      if (last.so_far) told.push(`Since round ${last.so_far.since}: ${points(last.so_far)}, judged on ${last.so_far.items} items that both rounds have in common.`);
      if (data.brought.next) told.push(`${data.brought.next.words}.`);
      return told.join(' ');
    },
    numbers: (data) => ({
      head: ['Round', 'Model', 'Labels', 'Spent', 'Accuracy', 'Items', 'Gain of the round', 'On items', 'Labels a point', 'Cost a point'],
      rows: data.brought.rounds.map((each) => [
        each.round,
        each.model,
        number(each.labels),
        money(each.cost),
        interval(each.accuracy),
        each.accuracy.of,
        each.gain ? points(each.gain) : '–',
        each.gain ? each.gain.items : '–',
        each.gain ? number(each.gain.labels_per_point.value === null ? null : Math.round(each.gain.labels_per_point.value)) : '–',
        each.gain ? money(each.gain.cost_per_point.value) : '–',
      ]),
    }),
  };
}
