// The ledger of an annotation project: what labels cost, how many are used, how right they are, what they brought.

import { annotationPath, apiAddress, get } from '../api.js';
import { explain } from '../dialog.js';
import { fill, h } from '../dom.js';
import { cost as money, duration, many, number } from '../format.js';
import { agreementCard, casesCard, roundsCard, setsCard, sumsCard, suspectsCard, takenCard } from '../ledger-lists.js';
import { interval, perPoint, points, share } from '../ledger-words.js';
import { Panel } from '../panel.js';
import { crumbs, figures, pageOfAnnotation, tabs } from '../parts.js';
import accuracyPlot from '../plots/ledger-accuracy.js';
import authorsPlot from '../plots/ledger-authors.js';
import roundsPlot from '../plots/ledger-rounds.js';
import usePlot from '../plots/ledger-use.js';

const REFRESH = 10000;

/** @type {import('../main.js').Page} */
export async function show(main, [name]) {
  const path = annotationPath(name);
  document.title = `Ledger of ${name} · AutoML`;
  const [first, standing] = await Promise.all([get(`${path}/ledger`), get(`${path}/ledger/standing`)]);
  let now = first;
  const rows = standing.rows;
  const context = {
    path,
    overview: first,
    trialPage: () => pageOfAnnotation(name),
    get: async (/** @type {string} */ part, query = {}) => (part === 'ledger' ? now : get(`${path}/${part}`, query)),
  };
  /** @type {Panel[]} */
  const panels = [];
  /** @type {Array<() => Promise<void>>} */
  const parts = [];
  const head = h('div', { class: 'head' });

  /** @param {import('../panel.js').Plot[]} plots */
  const plots = (plots) => {
    const made = plots.map((plot) => new Panel(plot, context));
    panels.push(...made);
    return h('div', { class: 'panels' }, made.map((each) => each.element));
  };
  /** A part that is filled when its tab is opened, and again as the project moves on. @param {(context: any) => Promise<{data: any, body: import('../dom.js').Child}>} make */
  const part = (make) => {
    const element = h('div', { class: 'stack' }, h('p', { class: 'muted' }, 'Loading …'));
    let shown = '';
    const refresh = async () => {
      try {
        const made = await make(context);
        const text = JSON.stringify(made.data);
        if (text === shown) return;
        shown = text;
        fill(element, made.body);
      } catch (error) {
        shown = '';
        explain(element, error);
      }
    };
    parts.push(refresh);
    void refresh();
    return element;
  };

  const shown = tabs(
    [
      { id: 'brought', label: 'What they brought', make: () => h('div', { class: 'stack' }, plots([accuracyPlot()]), part(roundsCard)) },
      { id: 'cost', label: 'Cost', make: () => h('div', { class: 'stack' }, plots([roundsPlot()]), part(sumsCard)) },
      { id: 'use', label: 'Use', make: () => h('div', { class: 'stack' }, plots([usePlot]), part(setsCard)) },
      { id: 'right', label: 'How right they are', make: () => h('div', { class: 'stack' }, plots([authorsPlot]), part(takenCard), part(agreementCard)) },
      { id: 'cases', label: 'Bad cases', make: () => part((c) => casesCard(c, rows)) },
      { id: 'suspects', label: 'Suspects', make: () => part((c) => suspectsCard(c, rows)) },
    ],
    'Parts of the ledger',
  );
  const draw = () => drawHead(head, name, path, now, rows);
  draw();
  fill(main, head, shown.element);
  shown.start();

  setInterval(async () => {
    if (document.hidden) return;
    try {
      const found = await get(`${path}/ledger`);
      if (found.seq === now.seq) return;
      now = context.overview = found;
      draw();
      for (const panel of panels) panel.moved();
      for (const refresh of parts) void refresh();
    } catch (error) {
      console.warn(error);
    }
  }, REFRESH);
}

/** @param {HTMLElement} place @param {string} name @param {string} path @param {any} now @param {any} rows */
function drawHead(place, name, path, now, rows) {
  const { total } = now.cost;
  const counted = (/** @type {string[]} */ names) => now.use.standings.filter((each) => names.includes(each.standing)).reduce((sum, each) => sum + each.labels, 0);
  const part = (/** @type {number} */ value) => (total.labels ? share(value / total.labels) : '–');
  const trained = counted(['trained']);
  const judging = counted(['evaluates', 'gold']);
  const models = now.cost.by_source.some((each) => each.source === 'models' && each.labels);
  const last = now.brought.rounds.at(-1);
  const taken = now.right.taken.filter((each) => each.taken > each.back).at(-1);
  const currency = now.currency ? ` ${now.currency}` : '';
  fill(
    place,
    crumbs([
      ['Annotation', 'annotations'],
      [name, pageOfAnnotation(name)],
      ['Ledger', null],
    ]),
    h(
      'div',
      { class: 'row spread' },
      h('h1', {}, `Ledger of ${name}`),
      h(
        'div',
        { class: 'row' },
        rows.allowed
          ? h('a', { class: 'button', href: apiAddress(`${path}/ledger.csv`), download: '', title: 'Each answer a line: who, how long, what it cost, where it was used' }, 'Every label as CSV')
          : h('span', { class: 'muted', title: rows.reason }, 'Single labels need the right to see rows of data'),
      ),
    ),
    figures([
      ['Labels cost', `${money(total.cost)}${currency}`, [now.budget === null ? null : `of at most ${money(now.budget)}; `, total.seconds === null ? 'nobody measured the time' : `${duration(total.seconds)} of people’s time`]],
      ['Labels', number(total.labels), [total.labels ? `${money(total.cost_per_label)}${currency} each, ${models ? 'those of models among them' : 'on average'}` : null, total.skipped ? `; ${number(total.skipped)} skipped` : null]],
      ['Learned from', total.labels ? part(trained) : '–', [many(trained, 'label'), judging ? `; ${number(judging)} more say how good models and people are` : null]],
      ['People are right', interval(now.right.people), [now.right.people.of ? `on ${many(now.right.people.of, 'gold answer')}` : (now.right.hidden ?? 'no gold item was answered')]],
      ['Models are right', taken ? interval(taken.judged) : '–', taken ? [taken.judged.of ? `by an audit of ${many(taken.judged.of, 'label')}; at least ${share(1 - taken.highest_wrong)} however often one looks` : 'nobody has judged one yet', `; ${share(taken.promised)} were promised`] : null],
      ['Accuracy now', last ? interval(last.accuracy) : '–', last ? [`of ${last.model}, on ${many(last.accuracy.of, 'item')} that no model learns from`] : null],
      ['They brought', last?.so_far ? points(last.so_far) : '–', last?.so_far ? [`since round ${last.so_far.since}, on ${many(last.so_far.items, 'item')} that both rounds were judged on`, last.so_far.cost_per_point.value === null ? null : `; a point for ${perPoint(last.so_far.cost_per_point, money)}${currency}`] : null],
      ['The next round', now.brought.next ? points({ value: now.brought.next.gain, low: now.brought.next.low, high: now.brought.next.high }) : '–', now.brought.next ? [`for ${many(now.brought.next.labels, 'label')} and ${money(now.brought.next.cost)}${currency}, by the learning curve`] : null],
    ]),
  );
}
