// Up to five runs side by side.

import { experimentPath, get } from '../api.js';
import { explain } from '../dialog.js';
import { fill, h } from '../dom.js';
import { cost, duration, many, number, setting } from '../format.js';
import { Panel } from '../panel.js';
import { crumbs, pageOf } from '../parts.js';
import { plainTable } from '../run-details.js';
import { badge } from '../states.js';
import comparisonPlot from '../plots/comparison.js';

const MOST = 5;

/** @type {import('../main.js').Page} */
export async function show(main, _, query) {
  document.title = 'Compare · AutoML';
  const wanted = query.getAll('run').slice(0, MOST);
  const place = h('div');
  fill(
    main,
    crumbs([
      ['Experiments', './'],
      ['Compare', null],
    ]),
    h('h1', {}, 'Compare runs'),
    chooser(wanted),
    place,
  );
  if (!wanted.length) {
    fill(place, h('p', { class: 'muted' }, 'Choose up to five runs.'));
    return;
  }
  try {
    const answer = await get('compare', { run: wanted });
    const panel = new Panel(comparisonPlot(), {
      path: '',
      overview: null,
      trialPage: () => '',
      get: async () => answer,
    });
    panel.give(answer);
    fill(
      place,
      answer.comparable ? null : h('p', { class: 'notice' }, `Their values can't be compared: ${answer.why_not}`),
      h('div', { class: 'panels' }, panel.element),
      h('section', { class: 'card', style: 'margin-top:.9rem' }, h('h2', {}, 'Side by side'), sideBySide(answer)),
    );
  } catch (error) {
    explain(place, error);
  }
}

/** @param {any} answer */
function sideBySide(answer) {
  const { runs, parameters } = answer;
  const line = (name, cell) => [name, ...runs.map(cell)];
  const rows = [
    line('State', (each) => badge(each.summary.state)),
    line('Goal', (each) => each.goal?.objectives.map((goal) => `${goal.direction} ${goal.metric}`).join(', ') ?? '–'),
    line('Best value', (each) => number(each.best?.value)),
    line('Best trial', (each) =>
      each.best
        ? h(
            'a',
            { href: pageOf(each.summary.experiment, each.summary.run, each.best.trial) },
            `trial ${each.best.trial}`,
          )
        : '–',
    ),
    line('Algorithm', (each) => each.summary.algorithm ?? '–'),
    line('Trials', (each) => `${each.summary.done ?? 0} of ${each.summary.trials ?? '–'}`),
    line('Time', (each) => duration(each.summary.elapsed)),
    line('Cost', (each) => cost(each.summary.cost)),
    line('Why it ended', (each) => each.problem || each.summary.headline || '–'),
    ...parameters.map((name) => {
      const values = runs.map((each) => setting(each.best?.params?.[name]));
      const differ = new Set(values).size > 1;
      return [`best ${name}`, ...values.map((each) => h('span', { class: differ ? 'differs' : 'same' }, each))];
    }),
  ];
  return h(
    'div',
    { style: 'overflow-x:auto' },
    plainTable(
      [
        'Of each run',
        ...runs.map(({ summary: { experiment, run } }, i) =>
          h('a', { href: pageOf(experiment, run) }, `${i + 1}. ${experiment} / ${run}`),
        ),
      ],
      rows,
      'Side by side',
    ),
  );
}

/** Which runs are compared; each can be left out, and another added. @param {string[]} wanted */
function chooser(wanted) {
  const to = (runs) =>
    `compare${runs.length ? `?${runs.map((each) => `run=${encodeURIComponent(each)}`).join('&')}` : ''}`;
  const runs = /** @type {HTMLSelectElement} */ (
    h('select', { 'aria-label': 'Run', disabled: true }, h('option', {}, 'Run …'))
  );
  const experiments = /** @type {HTMLSelectElement} */ (
    h(
      'select',
      {
        'aria-label': 'Experiment',
        onchange: async () => {
          const { runs: found } = await get(`${experimentPath(experiments.value)}/runs`, { limit: 100 });
          fill(
            runs,
            h('option', { value: '' }, many(found.length, 'run')),
            found.map((each) => h('option', { value: each.run }, `${each.run} · ${number(each.best?.value)}`)),
          );
          runs.disabled = false;
          runs.focus();
        },
      },
      h('option', { value: '' }, 'Add a run of …'),
    )
  );
  runs.addEventListener(
    'change',
    () => runs.value && location.assign(to([...wanted, `${experiments.value}/${runs.value}`])),
  );
  void get('experiments', { sort: 'name', limit: 1000 }).then(({ experiments: found }) => {
    for (const each of found)
      if (each.runs) experiments.append(h('option', { value: each.experiment }, each.experiment));
  }, console.warn);
  return h(
    'div',
    { class: 'toolbar', style: 'margin-top:.6rem' },
    h(
      'ul',
      { class: 'chips', style: 'list-style:none;margin:0;padding:0', 'aria-label': 'Compared' },
      wanted.map((each) =>
        h(
          'li',
          {},
          h(
            'a',
            {
              class: 'button small',
              href: to(wanted.filter((other) => other !== each)),
              'aria-label': `Leave out ${each}`,
            },
            `${each} ×`,
          ),
        ),
      ),
    ),
    wanted.length < MOST ? [experiments, runs] : h('span', { class: 'muted' }, 'Five at most.'),
  );
}
