// Which classes are taken for which: truth down, prediction across.

import { scale } from '../chart.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

const NUMBERED = 14; // classes up to which each cell has its number

/** @returns {import('../panel.js').Plot} */
export default function confusionPlot() {
  return {
    title: 'Confusion matrix',
    hint: 'A cell is coloured by its share of the rows of its true class: what is right lies on the diagonal.',
    tall: true,
    load: async (context) => context.get('details'),
    empty: (data) => (data.confusion.classes.length ? '' : 'There are no classes.'),
    option(data) {
      const { classes, counts } = data.confusion;
      const names = classes.map((each) => shorten(each, 18));
      const sums = counts.map((row) => row.reduce((sum, each) => sum + each, 0));
      const share = (i, j) => (sums[i] ? counts[i][j] / sums[i] : 0);
      const dark = document.documentElement.dataset.theme === 'dark';
      const labels = { color: colour('muted'), hideOverlap: true, interval: classes.length > 20 ? 'auto' : 0 };
      return {
        grid: frame({ left: 110, right: 20, top: 14, bottom: 74 }),
        xAxis: axis({
          type: 'category',
          data: names,
          name: 'predicted',
          nameGap: 52,
          axisLabel: { ...labels, rotate: classes.length > 6 ? 40 : 0 },
        }),
        yAxis: axis({ type: 'category', data: names, name: 'true', nameGap: 92, inverse: true, axisLabel: labels }),
        visualMap: {
          type: 'continuous',
          min: 0,
          max: 1,
          dimension: 2,
          show: false,
          inRange: { color: [dark ? '#26303f' : '#f2f5f9', ...scale().slice(0, 3).reverse()] },
        },
        tooltip: {
          trigger: 'item',
          formatter: ({ value: [j, i] }) =>
            tip(i === j ? `${classes[i]}: right` : `${classes[i]} taken for ${classes[j]}`, [
              ['rows', number(counts[i][j])],
              ['of its class', sums[i] ? `${(100 * share(i, j)).toFixed(1)} %` : null],
            ]),
        },
        series: [
          {
            type: 'heatmap',
            data: counts.flatMap((row, i) =>
              row.map((_, j) => ({
                value: [j, i, share(i, j)],
                label: { color: share(i, j) > 0.45 ? '#ffffff' : colour('text') },
              })),
            ),
            label: {
              show: classes.length <= NUMBERED,
              formatter: ({ value: [j, i] }) => (counts[i][j] ? number(counts[i][j]) : ''),
            },
          },
        ],
      };
    },
    describe(data) {
      const [worst] = data.most_confused;
      const rest = data.confusion.rest ? ` ${data.confusion.rest} classes with fewer rows stand together as “…”.` : '';
      const most = worst
        ? ` Most often ${worst.truth} was taken for ${worst.prediction}: ${number(worst.rows)} rows.`
        : ' Nothing was mistaken.';
      return `${number(data.overall.errors)} of ${number(data.counted)} rows ${data.weighted ? '(by weight) ' : ''}were taken for another class.${most}${rest}`;
    },
    numbers: (data) => ({
      head: ['True', ...data.confusion.classes],
      rows: data.confusion.counts.map((row, i) => [data.confusion.classes[i], ...row.map(number)]),
    }),
  };
}
