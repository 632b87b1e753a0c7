// The items of a project: looked for, with their labels, and the whole life of one of them.

import { asked as inAddress, keep } from './address.js';
import { contentOf, briefly } from './annotate-content.js';
import { ITEM_STATES, itemBadge } from './annotation-parts.js';
import { act, annotationPath, get } from './api.js';
import { Columns } from './columns.js';
import { ask } from './dialog.js';
import { field, fill, h } from './dom.js';
import { briefTime, duration, many, number, time } from './format.js';
import { searchBox } from './search.js';
import { VirtualTable } from './table.js';

/** @param {string} name @param {any} project */
export function itemsPart(name, project) {
  const query = inAddress();
  const asked = { search: query.get('search') ?? '', state: query.get('state') ?? '' };
  const said = h('span', { class: 'muted', role: 'status' });
  const chooser = new Columns('annotation-items', () => table.showColumns(chooser.of(columns)));
  const columns = columnsOf((item) => void showItem(name, item, reload));
  const table = new VirtualTable({
    label: 'Items',
    sort: 'number',
    columns: chooser,
    height: 560,
    load: async (offset, limit) => {
      const answer = await get(`${annotationPath(name)}/items`, { ...asked, offset, limit });
      return {
        matched: answer.matched,
        count: answer.items.length,
        answer, // for `loaded`
        row: (index) => (key) => answer.items[index][key],
      };
    },
    loaded: (found) => {
      const { answer } = /** @type {any} */ (found);
      fill(said, `${number(answer.matched)} of ${many(answer.total, 'item')}`, answer.cut ? `; the search has looked through ${number(answer.looked)} of them` : '');
    },
  });
  table.setColumns(chooser.of(columns));
  const reload = () => table.reload(true).catch((error) => fill(said, error.message));
  const changed = () => {
    keep(asked);
    void reload();
  };
  const states = h(
    'select',
    {
      'aria-label': 'State of items',
      onchange: (event) => {
        asked.state = event.target.value;
        changed();
      },
    },
    h('option', { value: '' }, 'in every state'),
    Object.entries(ITEM_STATES).map(([state, { label }]) => h('option', { value: state, selected: asked.state === state }, label)),
  );
  void reload();
  return h(
    'div',
    {},
    project.data.allowed ? null : h('p', { class: 'notice' }, `What stands in items is not shown: ${project.data.reason}.`),
    h(
      'div',
      { class: 'toolbar' },
      searchBox(
        'items',
        asked.search,
        (words) => {
          asked.search = words;
          changed();
        },
        'Search by id, key, label, author or words',
      ),
      states,
      chooser.element,
      said,
    ),
    table.element,
  );
}

/** @param {(item: string) => void} open @returns {import('./table.js').Column[]} */
const columnsOf = (open) => [
  {
    key: 'content',
    label: 'Item',
    always: true,
    fixed: true,
    prose: true,
    cell: (read) =>
      h('button', { type: 'button', class: 'plain link', 'data-key': read('item'), title: read('item'), onclick: () => open(read('item')) }, read('content') ? briefly(read('content'), 90) : read('item')),
  },
  { key: 'key', label: 'Key', fixed: true, hidden: true, cell: (read) => read('key') ?? '–' },
  { key: 'state', label: 'State', fixed: true, cell: (read) => itemBadge(read('state')) },
  {
    key: 'labels',
    label: 'Label',
    fixed: true,
    cell: (read) => {
      const told = [...(read('labels') ?? []), ...(read('skipped') ? ['can’t tell'] : [])].join(', ');
      if (!read('hidden')) return told || '–';
      const why = 'It is with people: what others say is shown once that is over';
      return h('span', { class: told ? null : 'muted', title: why }, told ? `${told} (by you)` : 'not shown yet');
    },
  },
  { key: 'by', label: 'By', fixed: true, cell: (read) => (read('authors') ?? []).join(', ') || '–' },
  { key: 'worker', label: 'Is with', fixed: true, cell: (read) => (read('workers') ?? []).map((each) => each.name).join(', ') || '–' },
  { key: 'updated', label: 'When', fixed: true, cell: (read) => h('span', { title: time(read('updated')) }, briefTime(read('updated'))) },
];

/** Everything about one item, and another label of one's own. @param {string} name @param {string} id @param {() => void} changed */
export async function showItem(name, id, changed) {
  const path = annotationPath(name);
  const [project, item] = await Promise.all([get(path), get(`${path}/items/${encodeURIComponent(id)}`)]);
  const mine = item.mine;
  const choice = h(
    'select',
    { name: 'label' },
    mine ? null : h('option', { value: '' }, 'none yet'),
    project.classes.map((each) => h('option', { value: each, selected: mine?.label === each && !mine.skipped }, each)),
    h('option', { value: ' ', selected: mine?.skipped }, 'can’t tell'),
  );
  const history = item.hidden && !item.history.length
    ? h('p', { class: 'muted' }, 'It is with people. What others say is shown once that is over.')
    : item.history.length
      ? h(
          'table',
          {},
          h('thead', {}, h('tr', {}, ['Label', 'By', 'When', 'Took', 'Where'].map((each) => h('th', { scope: 'col' }, each)))),
          h(
            'tbody',
            {},
            item.history.map((each) =>
              h(
                'tr',
                {},
                h('td', {}, each.skipped ? 'can’t tell' : each.label, each.replaced ? h('span', { class: 'muted' }, ' (changed since)') : null),
                h('td', {}, each.source === 'person' ? each.author : `${each.author} (${each.source})`),
                h('td', {}, time(each.time)),
                h('td', {}, duration(each.seconds)),
                h('td', {}, each.where || '–'),
              ),
            ),
          ),
        )
      : h('p', { class: 'muted' }, 'Nobody has labelled it yet.');
  const body = [
    h('p', { class: 'row' }, itemBadge(item.state), h('span', { class: 'mono' }, item.item), item.key ? h('span', { class: 'muted' }, `key ${item.key}`) : null),
    item.content ? h('div', { class: 'annotate-shown' }, contentOf(item.content, project.kind)) : h('p', { class: 'notice' }, 'What stands in it is not shown to you.'),
    h('h3', {}, 'Labels'),
    h('div', { class: 'scroller' }, history),
    item.can.label ? field('Your label', choice, mine ? 'Another one takes its place; both stay in the history.' : undefined) : h('p', { class: 'hint' }, `You can’t label it: ${item.why_not.label}.`),
  ];
  const done = await ask({
    title: 'Item',
    wide: true,
    body,
    verb: item.can.label ? 'Keep' : 'Close',
    run: async (form) => {
      const chosen = String(new FormData(form).get('label') ?? '');
      if (!item.can.label || !chosen) return;
      const skipped = chosen === ' ';
      if (mine && mine.skipped === skipped && (skipped || mine.label === chosen)) return;
      const was = mine ? (mine.skipped ? '' : mine.label) : null;
      const given = { item: item.item, label: skipped ? '' : chosen, skipped, seconds: null, ago: 0, shown: item.shown, was };
      const answer = await act('POST', `${path}/labels`, { as: project.me.name, labels: [given] });
      if (answer.refused.length) throw new Error(answer.refused[0].why);
      return mine ? 'Your label is changed.' : 'Your label is kept.';
    },
  });
  if (done) changed();
}
