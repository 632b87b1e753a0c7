// Values over one parameter, with what a model of them expects along it.

import { h } from '../dom.js';
import { number, setting } from '../format.js';
import { shorten } from '../names.js';
import { look } from '../states.js';
import { axis, byState, colour, frame, legend, onAxis, parameterAxis, tip } from './shared.js';

/** A choice among parameters. @param {any[]} parameters @param {string} label @param {number} first @param {() => void} again */
export function chooser(parameters, label, first, again) {
  const select = /** @type {HTMLSelectElement} */ (
    h(
      'select',
      { onchange: again },
      parameters.map((each, i) =>
        h('option', { value: each.name, selected: i === first, title: each.name }, shorten(each.name)),
      ),
    )
  );
  return { select, element: h('label', {}, `${label} `, select) };
}

/** Parameters that vary, and in place of one whose value is a list its parts. @param {import('../panel.js').Context} context */
export const varying = (context) =>
  context.overview.parameters.filter((each) => each.kind !== 'fixed').flatMap((each) => each.parts ?? [each]);

/** A slice plot with a choice of its own. @returns {import('../panel.js').Plot} */
export default function slice() {
  /** @type {HTMLSelectElement} */
  let select;
  return {
    title: 'Slice',
    patience: 8000,
    controls(context, again) {
      const made = chooser(varying(context), 'Parameter', 0, again);
      select = made.select;
      return made.element;
    },
    load: (context) => context.get('slice', { parameter: select.value }),
    empty: (data) => (data.columns.number.length ? '' : 'No trial has a value yet.'),
    option(data) {
      const { number: numbers, x, value, state } = data.columns;
      const { parameter, marginal } = data;
      const metric = data.metric ?? 'value';
      const points = byState(
        state,
        (i) => (x[i] === null || value[i] === null ? null : [onAxis(parameter, x[i]), value[i], i]),
        { z: 3 },
      );
      const expected = marginal
        ? [
            {
              name: 'Expected',
              type: 'line',
              data: marginal.x.map((each, i) => [onAxis(parameter, each), marginal.mean[i]]),
              showSymbol: false,
              lineStyle: { color: colour('text'), width: 2 },
              itemStyle: { color: colour('text') },
              silent: true,
              z: 4,
            },
          ]
        : [];
      const band = marginal
        ? [
            {
              type: 'custom',
              silent: true,
              z: 1,
              tooltip: { show: false },
              data: [[0]],
              name: 'Expected',
              renderItem(_, api) {
                const edge = (sign) =>
                  marginal.x.map((each, i) =>
                    api.coord([onAxis(parameter, each), marginal.mean[i] + sign * marginal.std[i]]),
                  );
                return {
                  type: 'polygon',
                  shape: { points: [...edge(1), ...edge(-1).reverse()] },
                  style: { fill: colour('strong-line'), opacity: 0.25 },
                };
              },
            },
          ]
        : [];
      return {
        grid: frame(),
        legend: legend({ data: [...points.map((each) => each.name), ...(marginal ? ['Expected'] : [])] }),
        xAxis: parameterAxis(parameter),
        yAxis: axis({
          type: 'value',
          name: shorten(metric),
          nameGap: 46,
          axisLabel: { formatter: number, color: colour('muted') },
        }),
        tooltip: {
          trigger: 'item',
          formatter: ({ data: item }) =>
            tip(`Trial ${numbers[item[2]]}`, [
              [parameter.name, setting(x[item[2]])],
              ['value', number(value[item[2]])],
              ['state', look(state[item[2]]).label],
            ]),
        },
        series: [...band, ...points, ...expected],
      };
    },
    describe: (data) =>
      `${data.columns.number.length} trials over ${data.parameter.name}${data.marginal ? '; the line is what a model of all trials expects, its band one standard deviation' : ''}.`,
    numbers: (data) => ({
      head: ['Trial', data.parameter.name, 'Value', 'State'],
      rows: data.columns.number.map((each, i) => [
        each,
        setting(data.columns.x[i]),
        number(data.columns.value[i]),
        look(data.columns.state[i]).label,
      ]),
    }),
    trialAt: ({ seriesType, data: item }, data) => (seriesType === 'scatter' ? data.columns.number[item[2]] : null),
  };
}
