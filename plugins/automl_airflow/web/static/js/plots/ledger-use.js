// What became of labels: learned from, evaluated with, or not used, and why.

import { PALETTE } from '../chart.js';
import { cost as money, number } from '../format.js';
import { REACHES } from '../ledger-words.js';
import { axis, colour, frame, tip } from './shared.js';

/** Those that there are, the largest last: bars go upwards. @param {any} data */
const shown = (data) =>
  data.use.standings
    .filter((each) => each.labels + each.skipped)
    .sort((a, b) => a.labels + a.skipped - (b.labels + b.skipped));

/** @type {import('../panel.js').Plot} */
export default {
  title: 'What became of answers',
  hint: 'Each answer has one place here, so they add up to all of them. A label that models learned from counts as that, also where it was changed or taken back later.',
  load: (context) => context.get('ledger'),
  empty: (data) => (shown(data).length ? '' : 'Nothing was labelled yet.'),
  option(data) {
    const rows = shown(data);
    const tone = (each) => (REACHES[each.standing] === 'good' ? PALETTE[2] : REACHES[each.standing] === 'busy' ? PALETTE[4] : PALETTE[1]);
    return {
      grid: frame({ left: 96, right: 60, top: 12 }),
      xAxis: axis({ type: 'value', min: 0, minInterval: 1, scale: false, name: 'answers', axisLabel: { formatter: number, color: colour('muted'), hideOverlap: true } }),
      yAxis: axis({ type: 'category', data: rows.map((each) => each.standing), scale: false, splitLine: { show: false } }),
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex: i }) =>
          tip(rows[i].standing, [
            ['answers', number(rows[i].labels + rows[i].skipped)],
            ['cost', money(rows[i].cost)],
            ['means', rows[i].means],
          ]),
      },
      series: [
        {
          type: 'bar',
          barMaxWidth: 26,
          data: rows.map((each) => ({ value: each.labels + each.skipped, itemStyle: { color: tone(each) } })),
          label: { show: true, position: 'right', color: colour('text'), formatter: ({ value }) => number(value) },
        },
      ],
    };
  },
  describe(data) {
    const count = (names) => data.use.standings.filter((each) => names.includes(each.standing)).reduce((sum, each) => sum + each.labels, 0);
    const all = data.cost.total.labels;
    const trained = count(['trained']);
    const judged = count(['evaluates', 'gold']);
    const part = (value) => (all ? ` (${Math.round((100 * value) / all)} %)` : '');
    return `Of ${number(all)} labels models learned from ${number(trained)}${part(trained)}, and ${number(judged)}${part(judged)} say how good models and people are; ${number(count(['waits']))} are newer than the newest data set.`;
  },
  numbers: (data) => ({
    head: ['What became of it', 'Labels', 'Skipped', 'Cost', 'Means'],
    rows: data.use.standings.map((each) => [each.standing, number(each.labels), number(each.skipped), money(each.cost), each.means]),
  }),
};
