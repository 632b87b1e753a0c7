// All annotation projects that this user may read: how they stand, and where people are waited for.

import { asked as inAddress, keep } from '../address.js';
import { doneOf } from '../annotation-parts.js';
import { get } from '../api.js';
import { Columns } from '../columns.js';
import { fill, h } from '../dom.js';
import { briefTime, many, number, time } from '../format.js';
import { shortName } from '../names.js';
import { pageOfAnnotation } from '../parts.js';
import { searchBox, tickBox } from '../search.js';
import { shareButton } from '../share.js';
import { VirtualTable } from '../table.js';

const REFRESH = 10000;

/** @type {import('../main.js').Page} */
export async function show(main) {
  document.title = 'Annotation · AutoML';
  const query = inAddress();
  const asked = { search: query.get('search') ?? '', waiting: query.get('waiting') ?? '', gone: query.get('gone') ?? '' };
  const said = h('span', { class: 'muted', role: 'status' });
  const none = h('section', { class: 'card', hidden: true }, nothing());
  const write = () => keep({ ...asked, sort: table.sort === 'name' ? null : table.sort });
  const chooser = new Columns('annotations', () => table.showColumns(chooser.of(COLUMNS)));
  const table = new VirtualTable({
    label: 'Annotation projects',
    sort: query.get('sort') ?? 'name',
    sorted: () => write(),
    columns: chooser,
    height: 640,
    load: async (offset, limit, sort) => {
      const answer = await get('annotations', { ...asked, sort, offset, limit });
      return {
        matched: answer.matched,
        total: answer.total,
        count: answer.annotations.length,
        row: (index) => (name) => answer.annotations[index][name],
      };
    },
    loaded: (answer) => {
      none.hidden = /** @type {any} */ (answer).total > 0;
      table.element.hidden = !none.hidden;
      const total = many(/** @type {any} */ (answer).total, 'project');
      fill(said, answer.matched === /** @type {any} */ (answer).total ? total : `${answer.matched} of ${total}`);
    },
  });
  table.setColumns(chooser.of(COLUMNS));
  const reload = (anew = true) => table.reload(anew).catch((error) => fill(said, error.message));
  const changed = () => {
    write();
    void reload();
  };
  await reload();
  fill(
    main,
    h('div', { class: 'row spread head' }, h('h1', {}, 'Annotation')),
    h(
      'div',
      { class: 'toolbar' },
      searchBox('annotation projects', asked.search, (words) => {
        asked.search = words;
        changed();
      }),
      tickBox(asked, 'waiting', 'that wait for labels', 'People are asked, and have not answered all', changed),
      tickBox(asked, 'gone', 'also with a deleted file', 'Their labels can be looked at', changed),
      chooser.element,
      shareButton(),
      said,
    ),
    table.element,
    none,
  );
  setInterval(() => !document.hidden && reload(false), REFRESH);
}

const nothing = () => [
  h('h2', {}, 'There is no annotation project yet'),
  h(
    'p',
    {},
    'A project has two models label what is new, takes what both are sure of, and asks people for the rest, the most useful first. ',
    'It is a file ',
    h('span', { class: 'mono' }, 'NAME.annotation.yaml'),
    ' beside the files of experiments.',
  ),
];

/** @type {import('../table.js').Column[]} */
const COLUMNS = [
  {
    key: 'name',
    label: 'Project',
    always: true,
    cell: (read) =>
      h(
        'a',
        {
          href: pageOfAnnotation(read('annotation')),
          'data-key': `to-${read('annotation')}`,
          title: [read('annotation'), read('description')].filter(Boolean).join(': '),
        },
        shortName(read('annotation'), 40),
      ),
  },
  {
    key: 'label',
    label: 'Your part',
    fixed: true,
    cell: (read) =>
      read('can_label') && read('open')
        ? h('a', { href: pageOfAnnotation(read('annotation'), 'label'), 'data-key': `label-${read('annotation')}` }, 'Label')
        : h('span', { class: 'muted' }, read('open') ? 'with others' : '–'),
  },
  {
    key: 'open',
    label: 'Waits for',
    cell: (read) =>
      read('problem') && read('seq') === null
        ? h('span', { class: 'badge bad', title: read('problem') }, '⚠ Can’t be read')
        : read('open')
          ? h('span', { class: 'badge early' }, h('span', { 'aria-hidden': 'true' }, '▶'), ` ${many(read('open'), 'label')}`)
          : read('stopped')
            ? h('span', { class: 'badge good', title: read('stopped').why }, h('span', { 'aria-hidden': 'true' }, '●'), ' Ended')
            : h('span', { class: 'muted' }, 'nobody'),
  },
  { key: 'batch', label: 'Batch done', fixed: true, cell: (read) => doneOf({ batch: read('batch') }) },
  {
    key: 'workers',
    label: 'At work',
    fixed: true,
    prose: true,
    cell: (read) => {
      const workers = read('workers') ?? [];
      return workers.length ? workers.map((each) => `${each.name} (${each.tasks})`).join(', ') : '–';
    },
  },
  { key: 'items', label: 'Items', number: true, cell: (read) => number(read('items')) },
  { key: 'labelled', label: 'Labelled', number: true, cell: (read) => number(read('labelled')) },
  { key: 'taken', label: 'Taken', number: true, cell: (read) => number(read('taken')) },
  { key: 'round', label: 'Round', number: true, cell: (read) => number(read('round')) },
  {
    key: 'updated',
    label: 'Last news',
    cell: (read) =>
      read('broken')
        ? h('span', { class: 'badge bad' }, '✕ File is broken')
        : read('gone')
          ? h('span', { class: 'muted' }, 'file deleted')
          : h('span', { title: time(read('updated')) }, briefTime(read('updated'))),
  },
];
