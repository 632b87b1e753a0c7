// What a run was made of, what people changed, and what was published.

import { apiAddress, get } from './api.js';
import { h } from './dom.js';
import { bytes, duration, many, setting, time } from './format.js';
import { shortName } from './names.js';

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

/** Files of one group from which on they are folded away. */
const MANY = 4;

/** What a file is listed under: its folder, or what it has in common with others of its kind. @param {string} path */
const groupOf = (path) => (path.includes('/') ? `${path.split('/', 1)[0]}/` : path.replace(/_\d+(?=\.)/, '_…'));

/** Files to be downloaded; many of a kind are folded away. @param {Array<any>} files @param {string} label */
export function fileTable(files, label) {
  if (!files.length) return h('p', { class: 'muted' }, 'There are no files yet.');
  /** @type {Map<string, any[]>} */
  const groups = new Map();
  for (const each of files) {
    const name = groupOf(each.path);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  const folded = [...groups].filter(([, members]) => members.length >= MANY);
  const single = [...groups].filter(([, members]) => members.length < MANY).flatMap(([, members]) => members);
  const table = (members, name) =>
    plainTable(
      ['File', 'Size'],
      members.map((each) => [
        each.href ? h('a', { href: each.href, download: '' }, each.path) : each.path,
        bytes(each.size),
      ]),
      name,
    );
  return h(
    'div',
    {},
    single.length ? table(single, label) : null,
    folded.map(([name, members]) => {
      const sizes = members.map((each) => each.size);
      const size = sizes.includes(null) ? null : sizes.reduce((sum, each) => sum + each, 0);
      return h(
        'details',
        { class: 'fold' },
        h(
          'summary',
          {},
          h('span', { class: 'mono' }, name),
          ` ${many(members.length, 'file')}${size === null ? '' : `, ${bytes(size)}`}`,
        ),
        table(members, `${label}: ${name}`),
      );
    }),
  );
}

/** What can be taken away of a run as a whole. @param {any[]} files @param {string} path */
const archives = (files, path) =>
  h(
    'p',
    { class: 'row' },
    files.some((each) => each.path.startsWith('best_model/'))
      ? h(
          'a',
          { class: 'button primary', href: apiAddress(`${path}/archives/best_model`), download: '' },
          'Download the best model',
        )
      : null,
    h('a', { class: 'button', href: apiAddress(`${path}/archives/results`), download: '' }, 'Everything as a zip'),
  );

/** States of a conclude of which nothing ran: it has no attempt to show, and a reason. */
const NOT_RUN = ['NEVER_BEGUN', 'SKIPPED'];

/** @param {import('./panel.js').Context} context */
export async function details(context) {
  const { overview } = context;
  const [{ acts }, { files, downloads }] = await Promise.all([context.get('acts'), get(`${context.path}/results`)]);
  const card = (title, body) => h('section', { class: 'card' }, h('h2', {}, title), body);
  const { limits, goal } = overview;
  const stop = Object.entries(limits.stop).filter(([, value]) => value !== null);
  const stages = overview.stages.flatMap((stage) => [
    ...stage.tasks.map((task) => [stage, task]),
    ...(NOT_RUN.includes(stage.state) ? [[stage, { name: '', attempt: '', ...stage }]] : []),
  ]);
  const data = Object.entries(overview.data);
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
    data.length
      ? card(
          'Data sets',
          plainTable(
            ['Name', 'Place', 'When the run began', 'Changed before'],
            data.map(([name, each]) => [
              name,
              each.place,
              each.told,
              each.changed_in.length ? `trial ${each.changed_in.slice(0, 5).join(', ')}` : '',
            ]),
            'Data sets',
          ),
        )
      : null,
    stages.length
      ? card(
          'Prepare and conclude',
          plainTable(
            ['Stage', 'Training task', 'Attempt', 'State', 'Began', 'Ended', 'Why'],
            stages.map(([stage, task]) => [
              stage.name,
              task.name,
              task.attempt && setting(task.attempt),
              task.state.toLowerCase().replace('_', ' '),
              task.started ? time(Date.parse(task.started) / 1000) : '',
              task.ended ? time(Date.parse(task.ended) / 1000) : '',
              task.reason ?? '',
            ]),
            'Prepare and conclude',
          ),
        )
      : null,
    card('Published files', [
      files.length && downloads.allowed ? archives(files, context.path) : null,
      downloads.allowed ? null : h('p', { class: 'muted' }, `Nothing can be downloaded: ${downloads.reason}.`),
      fileTable(files, 'Published files'),
    ]),
    card(
      'Search space',
      plainTable(
        ['Parameter', 'Kind', 'From', 'To or values', 'Only when'],
        overview.parameters.map((each) => [
          shortName(each.name),
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
          ...stop.map(([name, value]) => [`stop: ${name}`, ['max_duration', 'deadline'].includes(name) ? duration(value) : setting(value)]),
          ...(overview.started_because ? [['started because', overview.started_because.text]] : []),
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
