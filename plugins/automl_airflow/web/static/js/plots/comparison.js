// Best so far of several runs, over time or over trials.

import { duration, number } from '../format.js';
import { PALETTE } from '../chart.js';
import { shorten } from '../names.js';
import { chooser } from './slice.js';
import { axis, colour, frame, legend, steps, tip } from './shared.js';

const DASHES = [null, [8, 5], [2, 3], [12, 4, 2, 4], [4, 8]];

/** @returns {import('../panel.js').Plot} */
export default function comparisonPlot() {
  /** @type {HTMLSelectElement} */
  let over;
  const x = (each) => each.history.columns[over.value];
  const name = (each, i) => `${i + 1}. ${each.summary.experiment} / ${each.summary.run}`;
  return {
    title: 'Best so far',
    full: true,
    tall: true,
    controls(_, again) {
      const made = chooser([{ name: 'elapsed' }, { name: 'trials' }], 'Over', 0, again);
      over = made.select;
      return made.element;
    },
    load: (context) => context.get('compare'),
    empty: (data) => (data.runs.some((each) => each.best) ? '' : 'None of them has a value yet.'),
    option: (data) => ({
      grid: frame({ top: 44 }),
      legend: legend({ itemWidth: 28, formatter: (each) => shorten(each, 60) }),
      xAxis: axis({
        type: 'value',
        scale: false,
        min: 0,
        name: over.value === 'elapsed' ? 'since the start' : 'trials that have ended',
        axisLabel: {
          formatter: over.value === 'elapsed' ? duration : number,
          color: colour('muted'),
          hideOverlap: true,
        },
      }),
      yAxis: axis({
        type: 'value',
        name: 'best so far',
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ seriesName, data: item }) =>
          tip(
            seriesName,
            item
              ? [
                  ['best so far', number(item[1])],
                  [over.value, over.value === 'elapsed' ? duration(item[0]) : item[0]],
                ]
              : [],
          ),
      },
      series: data.runs.flatMap((each, i) => {
        const points = x(each)
          .map((at, k) => [at, each.history.columns.best[k]])
          .filter((point) => point[1] !== null);
        return [
          steps(name(each, i), points, { colour: PALETTE[i], dash: DASHES[i] }),
          {
            name: name(each, i),
            type: 'scatter',
            symbolSize: points.length < 60 ? 5 : 1,
            itemStyle: { color: PALETTE[i] },
            data: points,
          },
        ];
      }),
    }),
    describe: (data) => data.runs.map((each, i) => `${name(each, i)}: ${number(each.best?.value)}`).join('; ') + '.',
    numbers: (data) => ({
      head: ['Run', over.value === 'elapsed' ? 'After' : 'Trials', 'Best so far'],
      rows: data.runs.flatMap((each, i) =>
        x(each).map((at, k) => [
          name(each, i),
          over.value === 'elapsed' ? duration(at) : at,
          number(each.history.columns.best[k]),
        ]),
      ),
    }),
  };
}
