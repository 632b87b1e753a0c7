// Values over two parameters, over what a model of them expects on a grid.

import { h } from '../dom.js';
import { scale } from '../chart.js';
import { number, setting } from '../format.js';
import { look } from '../states.js';
import { chooser, varying } from './slice.js';
import { byState, colour, frame, legend, onAxis, parameterAxis, range, tip } from './shared.js';

/** Edges of cells around grid points: halves between neighbours, in pixels. @param {number[]} centres */
function edges(centres) {
  if (centres.length === 1) return [centres[0] - 20, centres[0] + 20];
  const middle = centres.slice(1).map((each, i) => (each + centres[i]) / 2);
  return [2 * centres[0] - middle[0], ...middle, 2 * centres[centres.length - 1] - middle[middle.length - 1]];
}

/** A contour plot with choices of its own. @returns {import('../panel.js').Plot} */
export default function contour() {
  /** @type {HTMLSelectElement} */
  let across;
  /** @type {HTMLSelectElement} */
  let up;
  return {
    title: 'Contour',
    patience: 8000,
    controls(context, again) {
      const found = varying(context);
      const x = chooser(found, 'Across', 0, again);
      const y = chooser(found, 'Up', Math.min(1, found.length - 1), again);
      across = x.select;
      up = y.select;
      return h('span', { class: 'row' }, x.element, y.element);
    },
    load: async (context) =>
      across.value === up.value ? { same: true } : context.get('contour', { x: across.value, y: up.value }),
    empty: (data) =>
      data.same ? 'Choose two different parameters.' : data.columns.number.length ? '' : 'No trial has a value yet.',
    option(data) {
      const { number: numbers, x, y, value, state } = data.columns;
      const bounds = range(data.grid ? data.grid.mean.flat() : value) ?? [0, 1];
      const points = byState(
        state,
        (i) => (x[i] === null || y[i] === null ? null : [onAxis(data.x, x[i]), onAxis(data.y, y[i]), i]),
        { z: 4 },
      );
      for (const each of points) Object.assign(each.itemStyle, { borderColor: colour('card'), borderWidth: 1 });
      const cells = data.grid
        ? [
            {
              type: 'custom',
              z: 1,
              clip: true,
              name: 'Expected',
              encode: { x: 0, y: 1 },
              data: data.grid.mean.flatMap((row, j) =>
                row.map((mean, i) => [onAxis(data.x, data.grid.x[i]), onAxis(data.y, data.grid.y[j]), mean, i, j]),
              ),
              renderItem(params, api) {
                params.context.xs ??= edges(
                  data.grid.x.map((each) => api.coord([onAxis(data.x, each), onAxis(data.y, data.grid.y[0])])[0]),
                );
                params.context.ys ??= edges(
                  data.grid.y.map((each) => api.coord([onAxis(data.x, data.grid.x[0]), onAxis(data.y, each)])[1]),
                );
                const { xs, ys } = params.context;
                const i = api.value(3);
                const j = api.value(4);
                const [left, right] = [xs[i], xs[i + 1]];
                const [top, bottom] = [Math.min(ys[j], ys[j + 1]), Math.max(ys[j], ys[j + 1])];
                return {
                  type: 'rect',
                  shape: { x: left, y: top, width: right - left + 0.6, height: bottom - top + 0.6 },
                  style: { fill: api.visual('color') },
                };
              },
            },
          ]
        : [];
      return {
        grid: frame({ right: 86 }),
        legend: legend({ data: points.map((each) => each.name), right: 60 }),
        xAxis: parameterAxis(data.x),
        yAxis: parameterAxis(data.y, { nameGap: 46 }),
        visualMap: {
          type: 'continuous',
          seriesIndex: cells.length ? 0 : [],
          dimension: 2,
          min: bounds[0],
          max: bounds[1] > bounds[0] ? bounds[1] : bounds[0] + 1,
          inRange: { color: scale() },
          right: 4,
          top: 'middle',
          text: [number(bounds[1]), number(bounds[0])],
          textGap: 6,
          itemHeight: 150,
          itemWidth: 12,
          textStyle: { color: colour('text') },
          show: cells.length > 0,
        },
        tooltip: {
          trigger: 'item',
          formatter: ({ data: item, seriesType }) =>
            seriesType === 'custom'
              ? tip('Expected', [
                  [data.x.name, setting(data.grid.x[item[3]])],
                  [data.y.name, setting(data.grid.y[item[4]])],
                  ['value', `${number(item[2])} ± ${number(data.grid.std[item[4]][item[3]])}`],
                ])
              : tip(`Trial ${numbers[item[2]]}`, [
                  [data.x.name, setting(x[item[2]])],
                  [data.y.name, setting(y[item[2]])],
                  ['value', number(value[item[2]])],
                  ['state', look(state[item[2]]).label],
                ]),
        },
        series: [...cells, ...points],
      };
    },
    describe: (data) =>
      `${data.columns.number.length} trials over ${data.x.name} and ${data.y.name}${data.grid ? '; the colour is what a model of all trials expects' : ''}.`,
    numbers: (data) =>
      data.same
        ? { head: [], rows: [] }
        : {
            head: ['Trial', data.x.name, data.y.name, 'Value', 'State'],
            rows: data.columns.number.map((each, i) => [
              each,
              setting(data.columns.x[i]),
              setting(data.columns.y[i]),
              number(data.columns.value[i]),
              look(data.columns.state[i]).label,
            ]),
          },
    trialAt: ({ seriesType, data: item }, data) => (seriesType === 'scatter' ? data.columns.number[item[2]] : null),
  };
}
