// All models that this user may read: what is in use, and who is waited for.

import { h } from '../dom.js';
import { briefTime, number, time } from '../format.js';
import { showList } from '../list-page.js';
import { verdict, waitsFor } from '../model-words.js';
import { shortName } from '../names.js';
import { pageOfModel } from '../parts.js';
import { atAGlance } from '../rollout-words.js';
import { badge } from '../states.js';

/** @type {import('../main.js').Page} */
export const show = (main) =>
  showList(main, {
    title: 'Models',
    label: 'Models',
    kind: 'models',
    noun: 'model',
    searched: 'models',
    ticks: [
      ['waiting', 'that wait for an answer', 'A version was evaluated, and people are asked whether to use it'],
      ['gone', 'also with a deleted file', 'Their history can be looked at'],
    ],
    columns: COLUMNS,
    nothing,
  });

const nothing = () => [
  h('h2', {}, 'There is no model yet'),
  h(
    'p',
    {},
    'A model keeps the versions that experiments have found, has each one evaluated on the latest data, and asks people before it is used. ',
    'Open the run of an experiment that has ended and press ',
    h('strong', {}, 'Deploy …'),
    ': that writes the model’s file and offers the result as its first version.',
  ),
  h('p', {}, h('a', { class: 'button primary', href: './' }, 'All experiments')),
];

/** @type {import('../table.js').Column[]} */
const COLUMNS = [
  {
    key: 'name',
    label: 'Model',
    always: true,
    cell: (read) =>
      h(
        'a',
        {
          href: pageOfModel(read('model')),
          'data-key': `to-${read('model')}`,
          title: [read('model'), read('description')].filter(Boolean).join(': '),
        },
        shortName(read('model'), 40),
      ),
  },
  {
    key: 'in_use',
    label: 'In use',
    cell: (read) => {
      if (read('problem') && read('seq') === null)
        return h('span', { class: 'badge bad', title: read('problem') }, '⚠ Can’t be read');
      const used = read('in_use');
      return used
        ? h('a', { href: pageOfModel(read('model'), used.version), 'data-key': `used-${read('model')}` }, `version ${used.version}`)
        : h('span', { class: 'muted' }, 'none yet');
    },
  },
  {
    key: 'since',
    label: 'Since',
    cell: (read) => {
      const since = read('in_use')?.since;
      return since ? h('span', { title: time(since) }, briefTime(since)) : '–';
    },
  },
  {
    key: 'rollout',
    label: 'Rollout',
    fixed: true,
    cell: (read) => {
      const going = read('rollout');
      return going ? h('a', { href: `${pageOfModel(read('model'))}`, 'data-key': `rollout-${read('model')}`, class: 'row tight one-line' }, atAGlance(going)) : '–';
    },
  },
  {
    key: 'waiting',
    label: 'Waits for',
    prose: true,
    fixed: true,
    cell: (read) => waitsFor(read('model'), read('waiting')),
  },
  {
    key: 'newest',
    label: 'Newest version',
    fixed: true,
    cell: (read) => {
      const newest = read('newest');
      return newest
        ? h('a', { href: pageOfModel(read('model'), newest.version), 'data-key': `new-${read('model')}` }, `${newest.version}: `, badge(newest.state))
        : '–';
    },
  },
  {
    key: 'verdict',
    label: 'Conditions',
    fixed: true,
    cell: (read) => (read('newest') ? verdict(read('newest').verdict) : '–'),
  },
  {
    key: 'next_interval',
    label: 'Next scoring',
    cell: (read) =>
      read('broken')
        ? h('span', { class: 'badge bad' }, '✕ File is broken')
        : read('gone')
          ? h('span', { class: 'muted' }, 'file deleted')
          : read('paused')
            ? h('span', { class: 'muted' }, 'paused')
            : briefTime(read('next_interval')),
  },
  { key: 'versions', label: 'Versions', number: true, hidden: true, cell: (read) => number(read('versions')) },
];
