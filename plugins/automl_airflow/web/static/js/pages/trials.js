// Trials of one run side by side: what differs stands out.

import { get, runPath } from '../api.js';
import { fill, h } from '../dom.js';
import { cost, duration, number, setting } from '../format.js';
import { shortName } from '../names.js';
import { Panel } from '../panel.js';
import { crumbs, pageOf } from '../parts.js';
import { plainTable } from '../run-details.js';
import { shareButton } from '../share.js';
import { badge } from '../states.js';
import curvesOf from '../plots/curves-of.js';

const MOST = 6;

/** @type {import('../main.js').Page} */
export async function show(main, [experiment, run], query) {
  const path = runPath(experiment, run);
  const wanted = [
    ...new Set(
      query
        .getAll('n')
        .filter((each) => /^\d{1,8}$/.test(each))
        .map(Number),
    ),
  ].slice(0, MOST);
  document.title = `Trials ${wanted.join(', ')} · ${experiment} · AutoML`;
  const answer = wanted.length ? await get(`${path}/trials`, { filter: `number:${wanted.join(',')}` }) : null;
  const { columns } = answer ?? { columns: { number: [] } };
  // in the order in which they were picked
  const order = wanted.map((each) => columns.number.indexOf(each)).filter((each) => each >= 0);
  const found = order.map((i) => columns.number[i]);
  const head = [
    crumbs([
      ['Experiments', './'],
      [experiment, pageOf(experiment)],
      [run, pageOf(experiment, run)],
      ['Compare trials', null],
    ]),
    h('div', { class: 'row spread' }, h('h1', {}, 'Compare trials'), shareButton()),
  ];
  if (!found.length) {
    fill(
      main,
      head,
      h('p', { class: 'muted' }, 'Pick trials in the table of a run: none is named here, or none of them is there.'),
    );
    return;
  }
  const panel = new Panel(curvesOf(found), {
    path,
    overview: null,
    trialPage: (trial) => pageOf(experiment, run, trial),
    get: (part, asked) => get(`${path}/${part}`, asked),
  });
  fill(
    main,
    h('div', { class: 'head' }, head),
    h('section', { class: 'card even' }, h('h2', {}, 'Side by side'), sideBySide(answer, order, { experiment, run })),
    h('div', { class: 'panels', style: 'margin-top:.9rem' }, panel.element),
  );
}

/** @param {any} answer @param {number[]} order @param {{experiment: string, run: string}} run */
function sideBySide({ columns, parameters, metrics }, order, { experiment, run }) {
  /** A line whose cells are marked where they differ. @param {any} label @param {(i: number) => any} cell */
  const line = (label, cell) => {
    const cells = order.map(cell);
    const differ = new Set(cells.map(String)).size > 1;
    return [label, ...cells.map((each) => h('span', { class: differ ? 'differs' : 'same' }, each))];
  };
  const plain = (label, cell) => [label, ...order.map(cell)];
  const some = (name) => order.some((i) => columns[name][i]?.length);
  return plainTable(
    [
      'Of each trial',
      ...order.map((i) => h('a', { href: pageOf(experiment, run, columns.number[i]) }, `Trial ${columns.number[i]}`)),
    ],
    [
      ...(some('name') ? [plain('Name', (i) => columns.name[i])] : []),
      plain('State', (i) => badge(columns.state[i])),
      ...(some('headline') ? [plain('Why', (i) => columns.headline[i] || '–')] : []),
      line('Value', (i) => number(columns.value[i])),
      line('Rank', (i) => number(columns.rank[i])),
      ...parameters.map((each) => line(shortName(each.name), (i) => setting(columns.params[each.name][i]))),
      ...metrics.map((each) => line(shortName(each), (i) => number(columns.metrics[each][i]))),
      line('Last step', (i) => number(columns.step[i])),
      line('Ran', (i) => duration(columns.seconds[i])),
      line('Cost', (i) => cost(columns.cost[i])),
      line('Attempts', (i) => number(columns.attempts[i])),
      ...(some('tags') ? [plain('Tags', (i) => columns.tags[i].join(', '))] : []),
      ...(some('comment') ? [plain('Comment', (i) => columns.comment[i])] : []),
    ],
    'Side by side',
  );
}
