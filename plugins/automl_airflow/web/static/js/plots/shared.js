// What several plots do alike.

import { axis, colour, frame, legend, tip } from '../chart.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { TRIAL_STATES, look } from '../states.js';

/** Above so many points a series is drawn in one go. */
const LARGE = 1500;

/**
 * One scatter series a state, so that legend, shape and colour tell them apart.
 *
 * @param {string[]} states of all points
 * @param {(index: number) => any[] | null} point what to draw, null for what isn't
 * @param {Record<string, any>} [own] of each series
 */
export function byState(states, point, own = {}) {
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  states.forEach((state, index) => {
    const item = point(index);
    if (item === null) return;
    if (!groups.has(state)) groups.set(state, []);
    groups.get(state)?.push(item);
  });
  return [...groups]
    .sort(([a], [b]) => TRIAL_STATES.indexOf(a) - TRIAL_STATES.indexOf(b))
    .map(([state, data]) => {
      const { label, symbol, tone, hollow } = look(state);
      return {
        name: label,
        type: 'scatter',
        data,
        symbol,
        symbolSize: data.length <= LARGE ? 8 : state === 'SUCCEEDED' ? 3.9 : 6, // below 4 squares are drawn, which is quick
        large: data.length > LARGE,
        largeThreshold: LARGE,
        itemStyle: { ...(hollow ? outline(tone) : { color: colour(tone) }), opacity: data.length > LARGE ? 0.75 : 0.9 },
        emphasis: { focus: 'none' },
        ...own,
      };
    });
}

/**
 * A line of steps. ECharts leaves corners out that lie nearer than 0.7 pixels to one another (6.1, chart/line/poly.ts), so that many
 * small steps become slopes: here every corner is drawn.
 *
 * @param {string} name
 * @param {any[][]} points x and y in the order of x; a point holds until the next
 * @param {object} look
 * @param {string} look.colour
 * @param {number} [look.width]
 * @param {any} [look.dash] of ECharts' lineDash
 * @param {boolean} [look.area] whether what lies below is shaded
 * @param {Record<string, any>} [own] of the series
 */
export function steps(name, points, { colour: stroke, width = 2, dash = null, area = false }, own = {}) {
  return {
    name,
    type: 'custom',
    clip: true,
    silent: true,
    progressive: 0,
    encode: { x: 0, y: 1 },
    itemStyle: { color: stroke },
    data: points,
    renderItem(params, api) {
      if (params.dataIndexInside !== 0) return null; // the whole line is one shape
      /** @type {number[][]} */
      const corners = [];
      for (const point of points) {
        const [x, y] = api.coord(point);
        const before = corners[corners.length - 1];
        if (before && before[1] !== y) corners.push([x, before[1]]);
        corners.push([x, y]);
      }
      const bottom = params.coordSys.y + params.coordSys.height;
      const line = {
        type: 'polyline',
        shape: { points: corners },
        style: { stroke, fill: 'none', lineWidth: width, lineDash: dash, lineJoin: 'miter' },
      };
      if (!area || corners.length < 2) return line;
      const under = [...corners, [corners[corners.length - 1][0], bottom], [corners[0][0], bottom]];
      return {
        type: 'group',
        children: [{ type: 'polygon', shape: { points: under }, style: { fill: stroke, opacity: 0.12 } }, line],
      };
    },
    ...own,
  };
}

/** Text that is read over lines: with an edge in the colour of what lies behind. */
export const halo = () => ({ textBorderColor: colour('card'), textBorderWidth: 3 });

/** A shape that is not filled. @param {string} tone */
export const outline = (tone) => ({ color: 'transparent', borderColor: colour(tone), borderWidth: 1.5 });

/** Axis of a parameter. @param {any} parameter @param {Record<string, any>} [own] */
export function parameterAxis(parameter, own = {}) {
  if (parameter.values) {
    const labels = {
      color: colour('muted'),
      hideOverlap: true,
      formatter: (each) => shorten(each, 18),
      ...own.axisLabel,
    };
    return axis({
      type: 'category',
      data: parameter.values.map(String),
      name: shorten(parameter.name),
      scale: false,
      ...own,
      axisLabel: labels,
    });
  }
  const log = parameter.log && parameter.low > 0;
  return axis({
    type: log ? 'log' : 'value',
    min: parameter.low ?? undefined,
    max: parameter.high ?? undefined,
    name: shorten(parameter.name),
    ...own,
    axisLabel: { color: colour('muted'), hideOverlap: true, formatter: number, ...own.axisLabel },
  });
}

/** A parameter's value as its axis takes it. @param {any} parameter @param {any} value */
export const onAxis = (parameter, value) => (parameter.values && value !== null ? String(value) : value);

/** Lowest and highest of what is a number; null where nothing is. @param {Array<any>} values @returns {[number, number] | null} */
export function range(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (typeof value !== 'number') continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/**
 * Lowest and highest of what is worth looking at: values far on the bad side (beyond three times the range of the middle
 * half) would press all others into a line, so they are left out.
 *
 * @param {Array<any>} values
 * @param {boolean} lowIsGood
 * @returns {[number, number] | null}
 */
export function worthwhile(values, lowIsGood) {
  const whole = range(values);
  if (whole === null) return null;
  const sorted = values.filter((each) => typeof each === 'number').sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.floor(share * (sorted.length - 1))];
  const reach = 3 * (at(0.75) - at(0.25));
  if (sorted.length < 8 || reach === 0) return whole;
  return lowIsGood
    ? [whole[0], Math.min(whole[1], at(0.75) + reach)]
    : [Math.max(whole[0], at(0.25) - reach), whole[1]];
}

export { axis, colour, frame, legend, tip };
