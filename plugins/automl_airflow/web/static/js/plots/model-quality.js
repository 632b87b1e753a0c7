// How good the version in use has been over time: measured on data with labels, and estimated where there are none yet.

import { PALETTE } from '../chart.js';
import { briefTime, number, time } from '../format.js';
import { interval } from '../model-words.js';
import { axis, colour, frame, halo, legend, tip } from './shared.js';

const ESTIMATE = 'estimated without labels';

/** The metric that is drawn: the measured one where there is one. @param {any} data */
const metricOf = (data) => data.metric ?? data.estimate?.metric ?? null;

/** Estimates of that metric; those of another can't stand on the same axis. @param {any} data @returns {any[]} */
const estimatesOf = (data) => (data.estimate?.metric === metricOf(data) ? (data.estimate?.points ?? []) : []);

/** @param {number} version */
const tone = (version) => PALETTE[(version - 1) % PALETTE.length];

/** A line from the low end of each interval to its high end. @param {any[]} points @param {(point: any) => string} stroke */
const whiskers = (points, stroke) => ({
  type: 'custom',
  silent: true,
  clip: true,
  z: 1,
  encode: { x: 0, y: [1, 2] },
  data: points.flatMap((each, i) => (each.low == null || each.high == null ? [] : [[each.time, each.low, each.high, i]])),
  renderItem(_, api) {
    const [x, low] = api.coord([api.value(0), api.value(1)]);
    const [, high] = api.coord([api.value(0), api.value(2)]);
    const style = { stroke: stroke(points[api.value(3)]), lineWidth: 1.5, opacity: 0.7 };
    const cap = (y) => ({ type: 'line', shape: { x1: x - 4, y1: y, x2: x + 4, y2: y }, style });
    return { type: 'group', children: [{ type: 'line', shape: { x1: x, y1: low, x2: x, y2: high }, style }, cap(low), cap(high)] };
  },
});

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Quality over time',
  hint: 'Each point is an evaluation on the latest data with labels of that time, with its interval where it has one; the dashed line needs none. Select a point to open its version.',
  full: true,
  load: (context) => context.get('quality'),
  empty: (data) => (data.points.length || estimatesOf(data).length ? '' : 'No version in use has been evaluated yet.'),
  option(data) {
    const versions = [...new Set(data.points.map((each) => each.version))];
    const estimates = estimatesOf(data);
    const metric = metricOf(data);
    const grey = colour('muted');
    return {
      grid: frame(),
      legend: legend({ data: [...versions.map((each) => `version ${each}`), ...(estimates.length ? [ESTIMATE] : [])] }),
      xAxis: axis({
        type: 'value',
        name: 'time',
        splitNumber: 4,
        axisLabel: { formatter: briefTime, color: grey, hideOverlap: true },
      }),
      yAxis: axis({ type: 'value', name: metric ?? '', nameGap: 46, axisLabel: { formatter: number, color: grey } }),
      tooltip: { trigger: 'item' },
      series: [
        whiskers(data.points, (each) => tone(each.version)),
        whiskers(estimates, () => grey),
        ...versions.map((version, place) => ({
          name: `version ${version}`,
          type: 'line',
          symbol: ['circle', 'rect', 'triangle', 'diamond'][place % 4],
          symbolSize: 8,
          data: data.points.flatMap((each, i) => (each.version === version ? [[each.time, each.value, i]] : [])),
          itemStyle: { color: tone(version) },
          lineStyle: { width: 2 },
          tooltip: {
            formatter: ({ data: [, , i] }) =>
              tip(`Version ${data.points[i].version}`, [
                ['when', time(data.points[i].time)],
                [metric ?? 'value', number(data.points[i].value)],
                ['interval', data.points[i].low == null ? null : interval(data.points[i].low, data.points[i].high)],
                ['rows', data.points[i].rows ? String(data.points[i].rows) : null],
                ['evidence', data.points[i].digest ? data.points[i].digest.slice(0, 12) : null],
              ]),
          },
        })),
        {
          name: ESTIMATE,
          type: 'line',
          symbol: 'emptyCircle',
          symbolSize: 8,
          data: estimates.map((each, i) => [each.time, each.value, i]),
          itemStyle: { color: grey },
          lineStyle: { width: 2, type: 'dashed' },
          label: { ...halo() },
          tooltip: {
            formatter: ({ data: [, , i] }) =>
              tip(`Version ${estimates[i].version}, without labels`, [
                ['when', time(estimates[i].time)],
                [`${metric ?? 'value'}, estimated`, number(estimates[i].value)],
                ['interval', interval(estimates[i].low, estimates[i].high)],
                ['rows', number(estimates[i].rows)],
                ['came true', estimates[i].measured == null ? null : number(estimates[i].measured)],
              ]),
          },
        },
      ],
    };
  },
  describe(data) {
    const metric = metricOf(data);
    const estimate = estimatesOf(data).at(-1);
    const told = [];
    if (data.points.length) {
      const last = data.points[data.points.length - 1];
      const first = data.points.find((each) => each.version === last.version);
      const since = first === last ? '' : `; ${number(first.value)} when it was evaluated first`;
      told.push(`${metric}: ${number(last.value)} of version ${last.version} at ${time(last.time)}${since}.`);
    }
    if (estimate)
      told.push(`Without labels it is estimated at ${number(estimate.value)} (${interval(estimate.low, estimate.high)}) at ${time(estimate.time)}.`);
    return told.join(' ');
  },
  numbers(data) {
    const row = (how) => (each) => [time(each.time), each.version, how, number(each.value), interval(each.low, each.high), number(each.rows ?? null)];
    return {
      head: ['When', 'Version', 'How', metricOf(data) ?? 'value', 'Interval', 'Rows'],
      rows: [...data.points.map(row('measured')), ...estimatesOf(data).map(row('estimated'))].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)),
    };
  },
  trialAt: ({ seriesName, data: item }, data) => {
    if (!Array.isArray(item)) return null;
    return (seriesName === ESTIMATE ? estimatesOf(data) : data.points)[item[2]]?.version ?? null;
  },
};
