// All annotation projects that this user may read: how they stand, and where people are waited for.

import { doneOf } from '../annotation-parts.js';
import { h } from '../dom.js';
import { briefTime, many, number, time } from '../format.js';
import { showList } from '../list-page.js';
import { shortName } from '../names.js';
import { pageOfAnnotation } from '../parts.js';

/** @type {import('../main.js').Page} */
export const show = (main) =>
  showList(main, {
    title: 'Annotation',
    label: 'Annotation projects',
    kind: 'annotations',
    noun: 'project',
    searched: 'annotation projects',
    ticks: [
      ['waiting', 'that wait for labels', 'People are asked, and have not answered all'],
      ['gone', 'also with a deleted file', 'Their labels can be looked at'],
    ],
    columns: COLUMNS,
    nothing,
  });

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
