// One quantity over the steps of a training: on what it learned from beside what was held out.

import { PALETTE } from '../chart.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const DASHES = ['solid', 'dashed', 'dotted', 'dotted', 'dotted'];

/** @param {string} title @returns {import('../panel.js').Plot} */
export default function fitPlot(title) {
  return {
    title,
    load: async (context) => fitOf(await context.get('curve'), title),
    empty: (data) => (data?.curves?.length ? '' : 'Nothing was reported.'),
    option: (data) => ({
      grid: frame(),
      legend: legend({ itemWidth: 28 }),
      xAxis: axis({ type: 'value', name: 'step' }),
      yAxis: axis({
        type: 'value',
        name: shorten(data.base || data.held_out),
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      tooltip: {
        trigger: 'axis',
        formatter: (points) =>
          tip(
            `step ${points[0].data[0]}`,
            points.map((each) => [each.seriesName, number(each.data[1])]),
          ),
      },
      series: data.curves.map((each, place) => ({
        name: each.name,
        type: 'line',
        symbol: 'circle',
        symbolSize: 4,
        showSymbol: each.steps.length < 60,
        data: each.steps.map((step, i) => [step, each.values[i]]),
        itemStyle: { color: PALETTE[place % PALETTE.length] },
        lineStyle: { width: 2, type: DASHES[place] ?? 'dotted' },
        ...(place === 1 && data.overfits
          ? {
              markLine: {
                silent: true,
                symbol: 'none',
                data: [{ xAxis: data.best_step }],
                lineStyle: { color: colour('bad'), type: 'dashed' },
                label: { formatter: 'best', color: colour('muted'), position: 'insideEndTop' },
              },
            }
          : {}),
      })),
    }),
    describe: (data) => data.text,
    numbers: (data) => ({
      head: ['Step', ...data.curves.map((each) => each.name)],
      rows: rowsOf(data.curves),
    }),
  };
}

/** @param {any} curve a trial's metrics @param {string} title */
export function fitOf(curve, title) {
  const fit = curve.fits.find((each) => titleOf(each) === title);
  if (!fit) return null;
  const names = [fit.learned, fit.held_out, ...fit.others];
  return {
    ...fit,
    live: curve.live,
    seq: curve.seq,
    curves: names.filter((name) => curve.series[name]).map((name) => ({ name, ...curve.series[name] })),
  };
}

/** What a quantity is called that two metrics measure. @param {any} fit */
export const titleOf = (fit) => `${fit.learned} and ${fit.held_out}`;

/** @param {any[]} curves */
function rowsOf(curves) {
  const steps = [...new Set(curves.flatMap((each) => each.steps))].sort((a, b) => a - b);
  const values = curves.map((each) => new Map(each.steps.map((step, i) => [step, each.values[i]])));
  return steps.map((step) => [step, ...values.map((each) => number(each.get(step)))]);
}
