// All experiments that this user may read.

import { asked as inAddress, keep } from '../address.js';
import { get } from '../api.js';
import { toast } from '../dialog.js';
import { fill, h } from '../dom.js';
import { briefTime, cost, duration, many, number, percent, time } from '../format.js';
import { Columns } from '../columns.js';
import { tagChips } from '../label.js';
import { shorten, shortName } from '../names.js';
import { bar, pageOf } from '../parts.js';
import { searchBox, tickBox } from '../search.js';
import { shareButton } from '../share.js';
import { badge } from '../states.js';
import { VirtualTable } from '../table.js';

const REFRESH = 5000;

/** @type {import('../main.js').Page} */
export async function show(main) {
  document.title = 'Experiments · AutoML';
  const query = inAddress();
  const asked = { search: query.get('search') ?? '', state: query.get('state') ?? '', gone: query.get('gone') ?? '' };
  /** @type {Set<string>} */
  const picked = new Set();
  const said = h('span', { class: 'muted', role: 'status' });
  const compare = h('a', { class: 'button', href: 'compare' }, 'Compare');
  const write = () => keep({ ...asked, sort: table.sort === '-updated' ? null : table.sort });
  const chooser = new Columns('experiments', () => table.showColumns(chooser.of(all)));
  const table = new VirtualTable({
    label: 'Experiments',
    sort: query.get('sort') ?? '-updated',
    sorted: () => write(),
    columns: chooser,
    height: 640,
    load: async (offset, limit, sort) => pageOfRows(await get('experiments', { ...asked, sort, offset, limit })),
    loaded: (answer) => {
      const some = Array.from({ length: answer.count }, (_, i) => answer.row(i)('latest')).some(
        (run) => run && (run.name || run.tags.length),
      );
      if (some && labels.hidden) {
        labels.hidden = false;
        table.showColumns(chooser.of(all));
      }
      fill(
        said,
        answer.matched === answer.total
          ? many(answer.total, 'experiment')
          : `${answer.matched} of ${many(answer.total, 'experiment')}`,
      );
    },
  });
  const choose = () => {
    const runs = [...picked].map((each) => `run=${encodeURIComponent(each)}`).join('&');
    compare.setAttribute('href', `compare${runs ? `?${runs}` : ''}`);
    fill(compare, picked.size ? `Compare ${picked.size}` : 'Compare');
  };
  const all = columns(picked, choose);
  const labels = all.find((each) => each.key === 'label');
  table.setColumns(chooser.of(all));
  const reload = (anew = true) => table.reload(anew).catch((error) => fill(said, error.message));
  const changed = () => {
    write();
    void reload();
  };
  const state = h(
    'select',
    {
      'aria-label': 'State',
      onchange: (event) => {
        asked.state = event.target.value;
        changed();
      },
    },
    [
      ['', 'Every state'],
      ['RUNNING,QUEUED,CREATED', 'Running'],
      ['FINISHED,NO_MORE_TRIAL', 'Finished'],
      ['EARLY_STOPPED', 'Stopped early'],
      ['FAILED', 'Failed'],
      ['USER_CANCELED,SYS_CANCELED', 'Cancelled'],
    ].map(([value, label]) => h('option', { value, selected: value === asked.state }, label)),
  );
  await reload();
  fill(
    main,
    h(
      'div',
      { class: 'row spread head' },
      h('h1', {}, 'Experiments'),
      h(
        'div',
        { class: 'row' },
        h('a', { class: 'button', href: 'housekeeping' }, 'Housekeeping'),
        compare,
        h('a', { class: 'button', href: 'new' }, 'New experiment'),
      ),
    ),
    h(
      'div',
      { class: 'toolbar' },
      searchBox('experiments', asked.search, (words) => {
        asked.search = words;
        changed();
      }),
      state,
      tickBox(asked, 'gone', 'also with a deleted file', 'Their runs can be looked at, as far as Airflow still has them', changed),
      chooser.element,
      shareButton(),
      said,
    ),
    table.element,
  );
  setInterval(() => !document.hidden && reload(false), REFRESH);
}

/** @param {any} answer */
function pageOfRows(answer) {
  return {
    matched: answer.matched,
    total: answer.total,
    count: answer.experiments.length,
    row: (index) => (name) => (name === 'latest' ? answer.experiments[index].latest : answer.experiments[index][name]),
  };
}

/** When it will run, of an experiment that never has. @param {(name: string) => any} read */
const neverRan = (read) =>
  h(
    'span',
    { class: 'muted', title: read('schedule') ? `Schedule: ${read('schedule')}` : null },
    !read('next_run')
      ? 'never ran'
      : `${read('paused') ? 'paused; first run' : 'first run'} ${briefTime(read('next_run'))}`,
  );

/** @param {Set<string>} picked @param {() => void} changed @returns {import('../table.js').Column[]} */
function columns(picked, changed) {
  const latest = (show) => (read) => (read('latest') ? show(read('latest'), read) : '–');
  const pick = (run) => {
    const id = `${run.experiment}/${run.run}`;
    return h('input', {
      type: 'checkbox',
      checked: picked.has(id),
      'data-key': `pick-${id}`,
      'aria-label': `Compare ${run.experiment}`,
      onchange: (event) => {
        if (event.target.checked && picked.size >= 5) {
          event.target.checked = false;
          toast('Up to five runs can be compared: leave another one out first.', 'bad');
        } else if (event.target.checked) picked.add(id);
        else picked.delete(id);
        changed();
      },
    });
  };
  return [
    {
      key: 'pick',
      label: 'Compare',
      head: h('span', { class: 'visually-hidden' }, 'Compare'),
      fixed: true,
      always: true,
      cell: latest(pick),
    },
    {
      key: 'name',
      label: 'Experiment',
      always: true,
      cell: (read) =>
        h(
          'a',
          {
            href: pageOf(read('experiment')),
            'data-key': `to-${read('experiment')}`,
            title: [read('experiment'), read('description')].filter(Boolean).join(': '),
          },
          shortName(read('experiment'), 40),
        ),
    },
    {
      key: 'state',
      label: 'Latest run',
      cell: (read) =>
        read('gone')
          ? h(
              'a',
              { href: pageOf(read('experiment'), read('latest').run), 'data-key': `run-${read('experiment')}` },
              badge(read('latest').state),
              h('span', { class: 'muted' }, ' (file deleted)'),
            )
          : read('broken')
            ? h('span', { class: 'badge bad' }, '✕ File is broken')
            : read('latest')
              ? h(
                  'a',
                  {
                    href: pageOf(read('experiment'), read('latest').run),
                    'data-key': `run-${read('experiment')}`,
                    title: read('latest').problem,
                  },
                  // what can't be read is in no known state
                  read('latest').problem && !read('latest').reason ? '⚠ Can’t be read' : badge(read('latest').state),
                )
              : neverRan(read),
    },
    {
      key: 'label',
      label: 'Name and tags',
      fixed: true,
      hidden: true, // until there is one
      cell: latest((run) =>
        h('span', { class: 'row tight one-line', title: run.comment || null }, run.name || '', tagChips(run.tags)),
      ),
    },
    {
      key: 'best',
      label: 'Best',
      number: true,
      cell: latest((run) =>
        run.best ? [number(run.best.value), h('span', { class: 'muted if-room' }, ` ${shorten(run.metric)}`)] : '–',
      ),
    },
    {
      key: 'fraction',
      label: 'Progress',
      cell: latest((run) =>
        h(
          'span',
          { class: 'row', style: 'flex-wrap:nowrap' },
          h('span', { class: 'if-room' }, bar(run.fraction, `Progress of ${run.experiment}`)),
          percent(run.fraction),
        ),
      ),
    },
    {
      key: 'done',
      label: 'Trials',
      number: true,
      fixed: true,
      cell: latest((run) => (run.trials === null ? '–' : `${run.done} of ${run.trials}`)),
    },
    { key: 'elapsed', label: 'Time', number: true, cell: latest((run) => duration(run.elapsed)) },
    {
      key: 'left',
      label: 'Left',
      number: true,
      fixed: true,
      cell: latest((run) => (run.state === 'RUNNING' ? duration(run.seconds_left) : '–')),
    },
    { key: 'cost', label: 'Cost', number: true, cell: latest((run) => cost(run.cost)) },
    {
      key: 'updated',
      label: 'Changed',
      cell: latest((run) => h('span', { title: time(run.updated) }, briefTime(run.updated))),
    },
    { key: 'runs', label: 'Runs', number: true, cell: (read) => number(read('runs')) },
    { key: 'schedule', label: 'Schedule', fixed: true, hidden: true, cell: (read) => read('schedule') ?? '' },
    { key: 'next', label: 'Next run', fixed: true, hidden: true, cell: (read) => briefTime(read('next_run')) },
  ];
}
