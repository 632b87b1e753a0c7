// Any two parameters, metrics or other figures of the trials in the table; what is brushed is what the table shows.

import { asked, keep } from '../address.js';
import { brush } from '../brush.js';
import { h } from '../dom.js';
import { number, setting } from '../format.js';
import { shorten } from '../names.js';
import { look } from '../states.js';
import { varying } from './slice.js';
import { axis, byState, colour, frame, legend, onAxis, parameterAxis, tip } from './shared.js';

const PLAIN = {
  value: 'value',
  seconds: 'Ran (seconds)',
  cost: 'Cost',
  attempts: 'Attempts',
  number: 'Trial',
  step: 'Last step',
};

/**
 * @param {object} table
 * @param {() => {search: string, state: string, filter: string[]}} table.query what the table asks for
 * @param {import('../trial-filter.js').FilterBar} table.filters
 * @returns {import('../panel.js').Plot}
 */
export default function scatter({ query, filters }) {
  /** @type {HTMLSelectElement} */
  let across;
  /** @type {HTMLSelectElement} */
  let up;
  /** @type {any} */
  let shown = null;
  let again = () => {};

  const parameterOf = (key, data) =>
    data.parameters.flatMap((each) => each.parts ?? [each]).find((each) => `params.${each.name}` === key);
  const label = (key) => PLAIN[key] ?? key.replace(/^(params|metrics)\./, '');

  /** @param {string} key @param {any} data @param {Record<string, any>} own */
  function axisOf(key, data, own) {
    const parameter = parameterOf(key, data);
    if (parameter) return parameterAxis(parameter, own);
    return axis({
      type: 'value',
      name: shorten(label(key)),
      axisLabel: { formatter: number, color: colour('muted'), hideOverlap: true },
      ...own,
    });
  }

  /** The filter of a column that a side of the brush makes. @param {string} key @param {[number, number]} side */
  function condition(key, [low, high]) {
    const parameter = parameterOf(key, shown);
    if (!parameter?.values) return `${Number(low.toPrecision(5))}..${Number(high.toPrecision(5))}`;
    const names = parameter.values.slice(Math.max(0, Math.ceil(low)), Math.floor(high) + 1);
    return names.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join(',');
  }

  /** The brushed part of an axis, in its values; all of it where nothing is asked of the column. @param {string} key */
  function side(key) {
    const range = filters.condition(key)?.match(/^(-?[\d.e+-]*?)\.\.(-?[\d.e+-]*)$/);
    return range
      ? [range[1] === '' ? -Infinity : Number(range[1]), range[2] === '' ? Infinity : Number(range[2])]
      : null;
  }

  return {
    title: 'Scatter',
    full: true,
    patience: 3000,
    hint: 'Drag over the plot to keep only the trials inside: the table follows. Select a point to open its trial.',
    controls(context, refresh) {
      again = () => {
        keep({ x: across.value, y: up.value });
        refresh();
      };
      const keys = [
        ...varying(context).map((each) => `params.${each.name}`),
        ...Object.keys(PLAIN),
      ];
      const metrics = Object.keys(context.overview.best?.metrics ?? {}).map((each) => `metrics.${each}`);
      const select = (name, first) => {
        const wanted = asked().get(name);
        const all = [...new Set([...keys, ...metrics, ...(wanted ? [wanted] : [])])];
        return /** @type {HTMLSelectElement} */ (
          h(
            'select',
            { onchange: () => again(), 'data-axis': name },
            all.map((each) =>
              h(
                'option',
                { value: each, selected: each === (wanted ?? first), title: label(each) },
                shorten(label(each)),
              ),
            ),
          )
        );
      };
      across = select('x', keys[0]);
      up = select('y', 'value');
      return h('span', { class: 'row' }, h('label', {}, 'Across ', across), h('label', {}, 'Up ', up));
    },
    async load(context) {
      const [x, y] = [across.value, up.value];
      const wanted = query();
      // what is brushed away stays in view, or there would be nothing left to brush otherwise
      const filter = wanted.filter.filter((each) => !each.startsWith(`${x}:`) && !each.startsWith(`${y}:`));
      shown = await context.get('scatter', { ...wanted, filter, x, y });
      return shown;
    },
    empty: (data) => (data.columns.number.length ? '' : 'No trial of the table has both.'),
    ready: (chart, place) =>
      brush(place, chart, (x, y) =>
        filters.set(
          shown.x === shown.y
            ? { [shown.x]: condition(shown.x, x) }
            : { [shown.x]: condition(shown.x, x), [shown.y]: condition(shown.y, y) },
        ),
      ),
    option(data) {
      const { number: numbers, x, y, value, state } = data.columns;
      const [px, py] = [parameterOf(data.x, data), parameterOf(data.y, data)];
      const place = (parameter, each) => (parameter ? onAxis(parameter, each) : each);
      const points = byState(state, (i) => [place(px, x[i]), place(py, y[i]), i], { z: 3 });
      const [sx, sy] = [side(data.x), side(data.y)];
      const brushed =
        sx || sy
          ? [
              {
                type: 'custom',
                silent: true,
                z: 1,
                name: 'Kept',
                data: [[0]],
                renderItem(params, api) {
                  const { x: left, y: top, width, height } = params.coordSys;
                  const within = (pixel, low, high) =>
                    Math.min(Math.max(Number.isFinite(pixel) ? pixel : low, low), high);
                  const at = (from, dimension, low, high, fallback) => {
                    if (!from) return fallback;
                    const found = from.map((each) =>
                      Number.isFinite(each)
                        ? api.coord(dimension ? [x[0], each] : [each, y[0]])[dimension]
                        : each > 0 === !dimension
                          ? high
                          : low,
                    );
                    return [within(Math.min(...found), low, high), within(Math.max(...found), low, high)];
                  };
                  const [x1, x2] = at(sx, 0, left, left + width, [left, left + width]);
                  const [y1, y2] = at(sy, 1, top, top + height, [top, top + height]);
                  return {
                    type: 'rect',
                    shape: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 },
                    style: { fill: colour('accent'), opacity: 0.12, stroke: colour('accent') },
                  };
                },
              },
            ]
          : [];
      return {
        grid: frame(),
        legend: legend({ data: points.map((each) => each.name) }),
        xAxis: axisOf(data.x, data, {}),
        yAxis: axisOf(data.y, data, { nameGap: 46 }),
        tooltip: {
          trigger: 'item',
          formatter: ({ data: item }) =>
            tip(`Trial ${numbers[item[2]]}`, [
              [label(data.x), setting(x[item[2]])],
              [label(data.y), setting(y[item[2]])],
              ['value', number(value[item[2]])],
              ['state', look(state[item[2]]).label],
            ]),
        },
        series: [...brushed, ...points],
      };
    },
    describe: (data) =>
      `${data.columns.number.length}${data.total > data.columns.number.length ? ` of ${data.total}` : ''} trials over ${label(data.x)} and ${label(data.y)}.`,
    numbers: (data) => ({
      head: ['Trial', label(data.x), label(data.y), 'Value', 'State'],
      rows: data.columns.number.map((each, i) => [
        each,
        setting(data.columns.x[i]),
        setting(data.columns.y[i]),
        number(data.columns.value[i]),
        look(data.columns.state[i]).label,
      ]),
    }),
    trialAt: ({ seriesType, data: item }, data) => (seriesType === 'scatter' ? data.columns.number[item[2]] : null),
  };
}
