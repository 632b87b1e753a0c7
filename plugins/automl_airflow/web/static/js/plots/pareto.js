// Several goals: the trials that no other beats in all of them.

import { h } from '../dom.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { look } from '../states.js';
import { chooser } from './slice.js';
import { axis, colour, frame, legend, outline, tip } from './shared.js';

/** A front with a choice of which goals to show. @returns {import('../panel.js').Plot} */
export default function pareto() {
  /** @type {HTMLSelectElement} */
  let across;
  /** @type {HTMLSelectElement} */
  let up;
  return {
    title: 'Pareto front',
    full: true,
    tall: true,
    patience: 3000,
    controls(context, again) {
      const goals = context.overview.goal.objectives.map((each) => ({ name: each.metric }));
      const x = chooser(goals, 'Across', 0, again);
      const y = chooser(goals, 'Up', 1, again);
      across = x.select;
      up = y.select;
      return h('span', { class: 'row' }, x.element, y.element);
    },
    load: (context) => context.get('pareto'),
    empty: (data) => (data.columns.number.length ? '' : 'No trial has values of all goals yet.'),
    option(data) {
      const { number: numbers, state, feasible, front, values } = data.columns;
      const xs = values[across.value];
      const ys = values[up.value];
      const kinds = [
        { name: 'On the front', pick: (i) => front[i], symbol: 'circle', tone: 'good', size: 11 },
        {
          name: 'Beaten',
          pick: (i) => !front[i] && feasible[i] !== false,
          symbol: 'circle',
          hollow: true,
          tone: 'busy',
          size: 7,
        },
        {
          name: 'Breaks a constraint',
          pick: (i) => feasible[i] === false,
          symbol: look('FAILED').symbol,
          tone: 'bad',
          size: 8,
        },
      ];
      const series = kinds.map(({ name, pick, symbol, tone, size, hollow }) => ({
        name,
        type: 'scatter',
        symbol,
        symbolSize: size,
        itemStyle: hollow ? outline(tone) : { color: colour(tone) },
        data: numbers
          .map((_, i) => (pick(i) && xs[i] !== null && ys[i] !== null ? [xs[i], ys[i], i] : null))
          .filter(Boolean),
      }));
      const onFront = series[0].data.map((each) => each.slice(0, 2)).sort((a, b) => a[0] - b[0]);
      const knee = numbers.indexOf(data.knee);
      return {
        grid: frame(),
        legend: legend({ data: kinds.map((each) => each.name).concat(knee >= 0 ? ['Knee'] : []) }),
        xAxis: axis({
          type: 'value',
          name: shorten(across.value),
          axisLabel: { formatter: number, color: colour('muted') },
        }),
        yAxis: axis({
          type: 'value',
          name: shorten(up.value),
          nameGap: 46,
          axisLabel: { formatter: number, color: colour('muted') },
        }),
        tooltip: {
          trigger: 'item',
          formatter: ({ data: item }) =>
            tip(`Trial ${numbers[item[2]]}`, [
              ...Object.keys(values).map((each) => [each, number(values[each][item[2]])]),
              ['state', look(state[item[2]]).label],
            ]),
        },
        series: [
          ...series,
          {
            type: 'line',
            data: onFront,
            symbol: 'none',
            silent: true,
            lineStyle: { color: colour('good'), width: 1, type: 'dashed' },
            tooltip: { show: false },
          },
          ...(knee >= 0
            ? [
                {
                  name: 'Knee',
                  type: 'scatter',
                  symbol: 'rect',
                  symbolSize: 20,
                  itemStyle: outline('text'),
                  data: [[xs[knee], ys[knee], knee]],
                },
              ]
            : []),
        ],
      };
    },
    describe: (data) =>
      `${data.front.length} of ${data.columns.number.length} trials are on the front of ${data.objectives.map((each) => `${each.metric} (${each.direction})`).join(' and ')}${data.knee === null ? '' : `; trial ${data.knee} is its knee`}.`,
    numbers: (data) => ({
      head: ['Trial', ...Object.keys(data.columns.values), 'On the front', 'Meets the constraints'],
      rows: data.columns.number
        .map((each, i) => [
          each,
          ...Object.values(data.columns.values).map((column) => number(column[i])),
          data.columns.front[i] ? 'yes' : 'no',
          data.columns.feasible[i] === false ? 'no' : 'yes',
        ])
        .sort((a, b) => (a[a.length - 2] < b[b.length - 2] ? -1 : 1)),
    }),
    trialAt: ({ seriesType, data: item }, data) => (seriesType === 'scatter' ? data.columns.number[item[2]] : null),
  };
}
