// Which columns of a table matter to its model, by permutation.

import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

const DRAWN = 25;

/** @param {any} table @returns {import('../panel.js').Plot} */
export default function columnPlot(table) {
  const columns = table.importance;
  const shown = columns.slice(0, DRAWN).reverse();
  return {
    title: 'Importance of columns',
    hint: 'How much worse the model gets when a column is shuffled. Columns that say the same share what they are worth.',
    tall: columns.length > 12,
    load: async () => table,
    empty: () => (columns.length ? '' : 'It was not measured.'),
    option: () => ({
      grid: frame({ left: 150, top: 10 }),
      xAxis: axis({ type: 'value', scale: false, name: `what shuffling costs in ${table.metric}` }),
      yAxis: axis({
        type: 'category',
        data: shown.map((each) => shorten(each.column, 18)),
        scale: false,
        axisLabel: { color: colour('text'), width: 135, overflow: 'truncate' },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex }) =>
          tip(shown[dataIndex].column, [
            ['importance', number(shown[dataIndex].value)],
            ['standard deviation', number(shown[dataIndex].std)],
          ]),
      },
      series: [
        {
          type: 'bar',
          barMaxWidth: 18,
          data: shown.map((each) => each.value),
          itemStyle: { color: colour('busy') },
        },
      ],
    }),
    describe() {
      const [first, second] = columns;
      const next = second ? `, then ${second.column} (${number(second.value)})` : '';
      const more = table.columns_in_all > DRAWN ? ` ${DRAWN} of ${table.columns_in_all} columns are drawn.` : '';
      return `${first.column} matters most (${number(first.value)})${next}.${more}`;
    },
    numbers: () => ({
      head: ['Column', 'Importance', 'Standard deviation'],
      rows: columns.map((each) => [each.column, number(each.value), number(each.std)]),
    }),
  };
}
