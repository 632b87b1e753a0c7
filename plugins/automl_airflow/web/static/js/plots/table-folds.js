// The best pipelines of a table, fold by fold.

import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

const DRAWN = 15;

/** @param {any} each a pipeline */
const nameOf = (each) => `${each.learner} (trial ${each.trial})`;

/** @param {any} table @returns {import('../panel.js').Plot} */
export default function foldPlot(table) {
  const pipelines = table.leaderboard.filter((each) => each.folds.some((value) => value !== null));
  const shown = pipelines.slice(0, DRAWN).reverse();
  const points = shown.flatMap((each, place) =>
    each.folds.flatMap((value, fold) => (value === null ? [] : [{ value: [value, place], fold }])),
  );
  return {
    title: 'Learning by folds',
    hint: 'A point is a fold, the diamond the pipeline’s value. Points far apart: the data decide more than the pipeline does.',
    tall: shown.length > 8,
    load: async () => table,
    empty: () => (shown.length ? '' : 'No pipeline has folds.'),
    option: () => ({
      grid: frame({ left: 150, top: 10 }),
      xAxis: axis({ type: 'value', name: table.metric }),
      yAxis: axis({
        type: 'category',
        data: shown.map((each) => shorten(nameOf(each), 20)),
        scale: false,
        axisLabel: { color: colour('text'), width: 135, overflow: 'truncate' },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ seriesIndex, data }) => {
          const each = shown[data.value[1]];
          const what = seriesIndex === 0 ? `fold ${data.fold + 1}` : 'in all';
          return tip(nameOf(each), [[what, number(data.value[0])]]);
        },
      },
      series: [
        { type: 'scatter', symbolSize: 8, data: points, itemStyle: { color: colour('busy'), opacity: 0.55 } },
        {
          type: 'scatter',
          symbol: 'diamond',
          symbolSize: 12,
          data: shown.flatMap((each, place) => (each.value === null ? [] : [{ value: [each.value, place] }])),
          itemStyle: { color: colour('text') },
        },
      ],
    }),
    trialAt: ({ data }) => shown[data.value[1]]?.trial ?? null,
    describe() {
      const [best] = pipelines;
      const values = best.folds.filter((value) => value !== null);
      return `${nameOf(best)} is best: ${table.metric} ${number(best.value)}, by fold from ${number(Math.min(...values))} to ${number(Math.max(...values))}.`;
    },
    numbers: () => ({
      head: ['Pipeline', table.metric, 'By fold'],
      rows: pipelines.map((each) => [nameOf(each), number(each.value), each.folds.map(number).join(' ')]),
    }),
  };
}
