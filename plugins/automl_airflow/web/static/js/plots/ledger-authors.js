// How right each person's labels are: on gold items, beside what Dawid and Skene make of the answers of all.

import { PALETTE } from '../chart.js';
import { cost as money, duration, number } from '../format.js';
import { VERDICTS, interval, share } from '../ledger-words.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const MOST = 20;

/** @param {any} data */
const authors = (data) => {
  const sums = new Map(data.cost.by_author.map((each) => [each.author, each]));
  return [...data.right.authors].sort((a, b) => (sums.get(b.author)?.labels ?? 0) - (sums.get(a.author)?.labels ?? 0)).map((each) => ({ ...each, sum: sums.get(each.author) }));
};

/** What there is to draw of an author. @param {any} each @returns {Array<{how: string, value: number, low: number, high: number, items: number}>} */
const known = (each) => [
  ...(each.gold.of ? [{ how: 'gold', value: each.gold.value, low: each.gold.low, high: each.gold.high, items: each.gold.of }] : []),
  ...(each.estimated !== null ? [{ how: 'consensus', value: each.estimated, low: each.low, high: each.high, items: each.items }] : []),
];

const HOW = [
  { how: 'gold', name: 'on gold items', symbol: 'circle', up: -7 },
  { how: 'consensus', name: 'by consensus of several people', symbol: 'rect', up: 7 },
];

/** @type {import('../panel.js').Plot} */
export default {
  title: 'How right people’s labels are',
  hint: 'Lines are 95 % intervals: a person whose line crosses the dashed one has not answered enough to be judged. Who was alone with all items is not in it: nobody else says whether the labels are right.',
  load: (context) => context.get('ledger'),
  empty: (data) =>
    data.right.authors.some((each) => known(each).length) ? '' : 'Nobody has labelled a gold item, nor the same item as somebody else: nothing says how right labels are.',
  option(data) {
    const rows = authors(data).filter((each) => known(each).length).slice(0, MOST).reverse();
    const drawn = ({ how, name, symbol, up }, place) => ({
      name,
      type: 'custom',
      encode: { x: [1, 2, 3], y: 0 },
      itemStyle: { color: PALETTE[place] },
      data: rows.flatMap((each, i) => known(each).filter((found) => found.how === how).map((found) => [i, found.value, found.low, found.high, found.items])),
      renderItem(_, api) {
        const [x, y] = api.coord([api.value(1), api.value(0)]);
        const [low] = api.coord([api.value(2), api.value(0)]);
        const [high] = api.coord([api.value(3), api.value(0)]);
        const style = { stroke: PALETTE[place], lineWidth: 2, fill: PALETTE[place] };
        const at = y + up;
        const point = symbol === 'circle' ? { type: 'circle', shape: { cx: x, cy: at, r: 4.5 }, style } : { type: 'rect', shape: { x: x - 4, y: at - 4, width: 8, height: 8 }, style };
        return { type: 'group', children: [{ type: 'line', shape: { x1: low, y1: at, x2: high, y2: at }, style }, point] };
      },
      tooltip: {
        formatter: ({ data: [i, value, from, to, items] }) => tip(rows[i].author, [[name, `${share(value)} (${share(from)} to ${share(to)})`], ['items', number(items)], ['verdict', how === 'gold' ? VERDICTS[rows[i].verdict] : null]]),
      },
    });
    return {
      grid: frame({ left: 110, top: 52 }),
      legend: legend({ data: HOW.map((each) => each.name) }),
      xAxis: axis({ type: 'value', max: 1, min: (range) => Math.max(0, Math.floor(10 * Math.min(range.min, data.right.least_right)) / 10), name: 'right labels', axisLabel: { formatter: share, color: colour('muted'), hideOverlap: true } }),
      yAxis: axis({ type: 'category', data: rows.map((each) => each.author), scale: false, axisLabel: { width: 96, overflow: 'truncate', color: colour('muted') } }),
      tooltip: { trigger: 'item' },
      series: [
        ...HOW.map(drawn),
        { type: 'line', data: [], markLine: { silent: true, symbol: 'none', lineStyle: { color: colour('muted'), type: 'dashed' }, label: { formatter: () => `at least ${share(data.right.least_right)}`, color: colour('muted'), position: 'end', rotate: 0 }, data: [{ xAxis: data.right.least_right }] } },
      ],
    };
  },
  describe(data) {
    const below = data.right.authors.filter((each) => each.verdict === 'below').map((each) => each.author);
    const told = [`On gold items: ${interval(data.right.people)} of ${number(data.right.people.of)} answers.`];
    told.push(below.length ? `Below what is demanded: ${below.join(', ')}.` : 'Nobody is below what is demanded.');
    return told.join(' ');
  },
  numbers: (data) => ({
    head: ['Who', 'Labels', 'Skipped', 'Cost', 'Time', 'Of an answer', 'On gold', 'Gold items', 'Verdict', 'By consensus', 'Items'],
    rows: authors(data).map((each) => [
      each.author,
      number(each.sum?.labels ?? 0),
      number(each.sum?.skipped ?? 0),
      money(each.sum?.cost),
      duration(each.sum?.seconds),
      duration(each.sum?.seconds_per_answer),
      interval(each.gold),
      number(each.gold.of),
      VERDICTS[each.verdict],
      each.estimated === null ? '–' : `${share(each.estimated)} (${share(each.low)} to ${share(each.high)})`,
      number(each.items),
    ]),
  }),
};
