// All experiments that this user may read.

import { get } from '../api.js';
import { toast } from '../dialog.js';
import { fill, h } from '../dom.js';
import { briefTime, cost, duration, many, number, percent, time } from '../format.js';
import { bar, pageOf } from '../parts.js';
import { badge } from '../states.js';
import { VirtualTable } from '../table.js';

const REFRESH = 5000;

/** @type {import('../main.js').Page} */
export async function show(main) {
  document.title = 'Experiments · AutoML';
  const asked = { search: '', state: '' };
  /** @type {Set<string>} */
  const picked = new Set();
  const said = h('span', { class: 'muted', role: 'status' });
  const compare = h('a', { class: 'button', href: 'compare' }, 'Compare');
  const table = new VirtualTable({
    label: 'Experiments',
    sort: '-updated',
    height: 640,
    load: async (offset, limit, sort) => pageOfRows(await get('experiments', { ...asked, sort, offset, limit })),
    loaded: (answer) =>
      fill(
        said,
        answer.matched === answer.total
          ? many(answer.total, 'experiment')
          : `${answer.matched} of ${many(answer.total, 'experiment')}`,
      ),
  });
  const choose = () => {
    const runs = [...picked].map((each) => `run=${encodeURIComponent(each)}`).join('&');
    compare.setAttribute('href', `compare${runs ? `?${runs}` : ''}`);
    fill(compare, picked.size ? `Compare ${picked.size}` : 'Compare');
  };
  table.setColumns(columns(picked, choose));
  const reload = (anew = true) => table.reload(anew).catch((error) => fill(said, error.message));
  let timer;
  const search = h('input', {
    type: 'search',
    'aria-label': 'Search experiments',
    placeholder: 'Search by name or description',
    size: 32,
    oninput: (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        asked.search = event.target.value.trim();
        void reload();
      }, 200);
    },
  });
  const state = h(
    'select',
    {
      'aria-label': 'State',
      onchange: (event) => {
        asked.state = event.target.value;
        void reload();
      },
    },
    [
      ['', 'Every state'],
      ['RUNNING,QUEUED,CREATED', 'Running'],
      ['FINISHED,NO_MORE_TRIAL', 'Finished'],
      ['EARLY_STOPPED', 'Stopped early'],
      ['FAILED', 'Failed'],
      ['USER_CANCELED,SYS_CANCELED', 'Cancelled'],
    ].map(([value, label]) => h('option', { value }, label)),
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
    h('div', { class: 'toolbar' }, search, state, said),
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
    { key: 'pick', label: 'Compare', fixed: true, cell: latest(pick) },
    {
      key: 'name',
      label: 'Experiment',
      cell: (read) =>
        h(
          'a',
          {
            href: pageOf(read('experiment')),
            'data-key': `to-${read('experiment')}`,
            title: read('description') || null,
          },
          read('experiment'),
        ),
    },
    {
      key: 'state',
      label: 'Latest run',
      cell: (read) =>
        read('broken')
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
            : 'never ran',
    },
    {
      key: 'best',
      label: 'Best',
      number: true,
      cell: latest((run) =>
        run.best ? [number(run.best.value), h('span', { class: 'muted' }, ` ${run.metric}`)] : '–',
      ),
    },
    {
      key: 'fraction',
      label: 'Progress',
      cell: latest((run) =>
        h(
          'span',
          { class: 'row', style: 'flex-wrap:nowrap' },
          bar(run.fraction, `Progress of ${run.experiment}`),
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
    { key: 'updated', label: 'Changed', cell: latest((run) => h('span', { title: time(run.updated) }, briefTime(run.updated))) },
    { key: 'runs', label: 'Runs', number: true, cell: (read) => number(read('runs')) },
  ];
}
