// The goal's value over the steps of trials; where one was stopped early, a mark stands at its end.

import { number } from '../format.js';
import { shorten } from '../names.js';
import { look } from '../states.js';
import { axis, colour, frame, legend, tip } from './shared.js';

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Intermediate values',
  hint: 'Each line is a trial; a mark at its end says how it ended.',
  full: true,
  meanwhile: true,
  patience: 3000,
  async load(context) {
    const [best, stopped] = await Promise.all([
      context.get('curves', { top: 40, points: 100 }),
      context.get('trials', { state: 'EARLY_STOPPED', sort: '-ended', limit: 30 }),
    ]);
    const shown = new Set(best.curves.map((each) => each.trial));
    const others = stopped.columns.number.filter((each) => !shown.has(each));
    const more = others.length ? (await context.get('curves', { trials: others.join(','), points: 100 })).curves : [];
    return { ...best, curves: [...best.curves, ...more] };
  },
  empty: (data) => (data.curves.some((each) => each.steps.length) ? '' : 'No trial has reported a value yet.'),
  option(data) {
    const groups = new Map();
    const lines = data.curves
      .filter((each) => each.steps.length)
      .map((each) => {
        const { label, symbol, tone } = look(each.state);
        groups.set(label, symbol);
        const last = each.steps.length - 1;
        const best = each.rank === 1;
        return {
          name: label,
          id: String(each.trial),
          type: 'line',
          symbol,
          showSymbol: true,
          showAllSymbol: true,
          triggerLineEvent: true,
          data: each.steps.map((step, i) => ({ value: [step, each.values[i]], symbolSize: i === last ? 8 : 0 })),
          lineStyle: {
            width: best ? 3 : 1,
            opacity: best ? 1 : 0.5,
            color: colour(tone),
            type: each.live ? 'dashed' : 'solid',
          },
          itemStyle: { color: colour(tone) },
          z: best ? 4 : 2,
        };
      });
    return {
      grid: frame(),
      legend: legend({ data: [...groups].map(([name, icon]) => ({ name, icon })) }),
      xAxis: axis({ type: 'value', name: 'step' }), // a step may be a fraction (epoch 0.25)
      yAxis: axis({
        type: 'value',
        name: shorten(data.metric),
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ seriesId, value, seriesName }) =>
          tip(`Trial ${seriesId}`, [
            ['state', seriesName],
            ['step', value?.[0]],
            [data.metric, value ? number(value[1]) : null],
          ]),
      },
      series: lines,
    };
  },
  describe(data) {
    const early = data.curves.filter((each) => each.state === 'EARLY_STOPPED').length;
    const live = data.curves.filter((each) => each.live).length;
    return `${data.metric} over steps of ${data.curves.length} of ${data.total} trials (those that run, the best, and those stopped early last): ${live} running, ${early} stopped early.`;
  },
  numbers: (data) => ({
    head: ['Trial', 'State', 'Rank', 'Steps', `First ${data.metric}`, `Last ${data.metric}`],
    rows: data.curves.map((each) => [
      each.trial,
      look(each.state).label,
      each.rank ?? '–',
      each.steps.length,
      number(each.values[0]),
      number(each.values[each.values.length - 1]),
    ]),
  }),
  trialAt: ({ seriesId }) => (seriesId === undefined ? null : Number(seriesId)),
};
