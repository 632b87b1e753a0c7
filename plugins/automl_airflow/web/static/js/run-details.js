// What a run was made of, what people changed, and what was published.

import { get } from './api.js';
import { h } from './dom.js';
import { bytes, setting, time } from './format.js';

/** @param {Array<import('./dom.js').Child>} head @param {Array<Array<import('./dom.js').Child>>} rows @param {string} label */
export function plainTable(head, rows, label) {
  return h(
    'table',
    { 'aria-label': label },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        head.map((each) => h('th', { scope: 'col' }, each)),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((row) =>
        h(
          'tr',
          {},
          row.map((cell) => h('td', {}, cell)),
        ),
      ),
    ),
  );
}

/** Files to be downloaded. @param {Array<any>} files @param {string} label */
export const fileTable = (files, label) =>
  files.length
    ? plainTable(
        ['File', 'Size'],
        files.map((each) => [h('a', { href: each.href, download: '' }, each.path), bytes(each.size)]),
        label,
      )
    : h('p', { class: 'muted' }, 'There are no files yet.');

/** @param {import('./panel.js').Context} context */
export async function details(context) {
  const { overview } = context;
  const [{ acts }, { files }] = await Promise.all([context.get('acts'), get(`${context.path}/results`)]);
  const card = (title, body) => h('section', { class: 'card' }, h('h2', {}, title), body);
  const { limits, goal } = overview;
  const stop = Object.entries(limits.stop).filter(([, value]) => value !== null);
  return h(
    'div',
    { class: 'cards' },
    card(
      'What people did',
      acts.length
        ? plainTable(
            ['When', 'Who', 'What'],
            [...acts].reverse().map((each) => [time(each.time), each.by, each.text || each.act]),
            'What people did',
          )
        : h('p', { class: 'muted' }, 'Nobody has changed this run.'),
    ),
    card('Published files', fileTable(files, 'Published files')),
    card(
      'Search space',
      plainTable(
        ['Parameter', 'Kind', 'From', 'To or values', 'Only when'],
        overview.parameters.map((each) => [
          each.name,
          each.type ?? each.kind,
          each.values ? '' : setting(each.low),
          each.values ? each.values.map(setting).join(', ') : setting(each.high),
          each.when ?? '',
        ]),
        'Search space',
      ),
    ),
    card(
      'Goal and limits',
      plainTable(
        ['Setting', 'Value'],
        [
          ...goal.objectives.map((each) => [each.direction, each.metric]),
          ...goal.constraints.map((each) => ['constraint', setting(each)]),
          ['algorithm', overview.algorithm],
          ['trials', setting(limits.max_trials)],
          ['at once', setting(limits.concurrency)],
          ['failed trials allowed', setting(limits.max_failed)],
          ['retries of a trial', setting(limits.retries)],
          ...(limits.budget ? [['budget', setting(limits.budget)]] : []),
          ...stop.map(([name, value]) => [`stop: ${name}`, setting(value)]),
          ['folder', h('span', { class: 'mono' }, overview.folder)],
        ],
        'Goal and limits',
      ),
    ),
    overview.overrides.length
      ? card(
          'Changed against the file',
          plainTable(
            ['Setting', 'File', 'This run'],
            overview.overrides.map((each) => [each.path, setting(each.old), setting(each.new)]),
            'Changed against the file',
          ),
        )
      : null,
  );
}
