// Trials as lines over all parameters, coloured by their value.

import { number, setting } from '../format.js';
import { shorten } from '../names.js';
import { scale } from '../chart.js';
import { colour, halo, onAxis, range, tip } from './shared.js';

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Parallel coordinates',
  hint: 'Drag along an axis to keep only the lines that pass there; a click on the axis lets go.',
  full: true,
  tall: true,
  patience: 6000,
  load: (context) => context.get('parallel', { limit: 1000 }),
  empty: (data) => (data.columns.number.length ? '' : 'No trial has a value yet.'),
  option(data) {
    const { number: numbers, value, params } = data.columns;
    const text = { color: colour('text') };
    const dimensions = data.dimensions.filter((each) => each.kind !== 'fixed');
    const bounds = range(value) ?? [0, 1];
    const axes = dimensions.map((each, dim) => ({
      dim,
      name: shorten(each.name, 22),
      nameTextStyle: text,
      axisLabel: { ...text, ...halo(), formatter: each.values ? (value) => shorten(value, 18) : number },
      ...(each.values
        ? { type: 'category', data: each.values.map(String) }
        : {
            type: each.log && each.low > 0 ? 'log' : 'value',
            min: each.low ?? undefined,
            max: each.high ?? undefined,
          }),
    }));
    axes.push({
      dim: dimensions.length,
      name: shorten(data.metric, 22),
      nameTextStyle: text,
      axisLabel: { ...text, ...halo(), formatter: number },
      type: 'value',
      scale: true,
    });
    return {
      parallel: {
        left: 60,
        right: 90,
        top: 48,
        bottom: 30,
        parallelAxisDefault: {
          nameLocation: 'end',
          nameGap: 16,
          axisLine: { lineStyle: { color: colour('strong-line') } },
        },
      },
      parallelAxis: axes,
      visualMap: {
        type: 'continuous',
        dimension: dimensions.length,
        min: bounds[0],
        max: bounds[1] > bounds[0] ? bounds[1] : bounds[0] + 1,
        inRange: { color: data.direction === 'minimize' ? [...scale()].reverse() : scale() },
        right: 4,
        top: 'middle',
        text: [number(bounds[1]), number(bounds[0])], // what its ends stand for
        textGap: 6,
        itemHeight: 160,
        itemWidth: 12,
        textStyle: text,
      },
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex }) =>
          tip(`Trial ${numbers[dataIndex]}`, [
            ...dimensions.map((each) => [each.name, setting(params[each.name][dataIndex])]),
            [data.metric, number(value[dataIndex])],
          ]),
      },
      series: [
        {
          type: 'parallel',
          progressive: 300,
          lineStyle: { width: 1.2, opacity: numbers.length > 300 ? 0.25 : 0.55 },
          inactiveOpacity: 0.03,
          activeOpacity: 0.8,
          data: numbers.map((_, i) => [
            ...dimensions.map((each) => onAxis(each, params[each.name][i]) ?? NaN),
            value[i],
          ]),
        },
      ],
    };
  },
  describe: (data) =>
    `${data.columns.number.length} of ${data.total} trials with a value over ${data.dimensions.length} parameters; light lines are the best.`,
  numbers: (data) => ({
    head: ['Trial', data.metric, ...data.dimensions.map((each) => each.name)],
    rows: data.columns.number.map((each, i) => [
      each,
      number(data.columns.value[i]),
      ...data.dimensions.map((d) => setting(data.columns.params[d.name][i])),
    ]),
  }),
  trialAt: ({ dataIndex }, data) => data.columns.number[dataIndex] ?? null,
};
