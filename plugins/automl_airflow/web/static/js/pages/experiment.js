// One experiment: its runs, its file, and a start.

import { ApiError, experimentPath, get } from '../api.js';
import { startRun } from '../acts.js';
import { toast } from '../dialog.js';
import { airflowLink, fill, h } from '../dom.js';
import { cost, duration, many, number, percent, time } from '../format.js';
import { tagChips } from '../label.js';
import { actButton, bar, crumbs, pageOf } from '../parts.js';
import { plainTable } from '../run-details.js';
import { badge } from '../states.js';

const REFRESH = 5000;
const MOST = 5;
const MOST_RUNS = 500;

/** @type {import('../main.js').Page} */
export async function show(main, [experiment]) {
  const path = experimentPath(experiment);
  document.title = `${experiment} · AutoML`;
  let limit = 50;
  const [entry, first, me] = await Promise.all([known(main, experiment), get('me')]).then(async ([found, who]) => [
    found,
    await get(`${path}/runs`, { limit }),
    who,
  ]);
  /** @type {Set<string>} */
  const picked = new Set();
  const compare = h('a', { class: 'button', href: 'compare' }, 'Compare');
  const choose = () => {
    compare.setAttribute(
      'href',
      `compare?${[...picked].map((run) => `run=${encodeURIComponent(`${experiment}/${run}`)}`).join('&')}`,
    );
    fill(compare, picked.size ? `Compare ${picked.size}` : 'Compare');
  };
  const place = h('div', { class: 'card' });
  let shown = '';
  const draw = (answer) => {
    const text = JSON.stringify(answer);
    if (text === shown) return;
    shown = text;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    fill(
      place,
      h('h2', {}, many(answer.total, 'run')),
      answer.runs.length
        ? runTable(experiment, answer.runs, picked, choose)
        : h('p', { class: 'muted' }, 'It has not run yet.'),
      answer.total > answer.runs.length && limit < MOST_RUNS
        ? h('button', { type: 'button', 'data-key': 'more', onclick: more }, 'Show older runs')
        : null,
    );
    if (focused)
      /** @type {HTMLElement | null} */ (place.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  };
  const look = () => get(`${path}/runs`, { limit }).then(draw, console.warn);
  function more() {
    limit = MOST_RUNS;
    void look();
  }
  draw(first);
  fill(
    main,
    h(
      'div',
      { class: 'head' },
      crumbs([
        ['Experiments', './'],
        [experiment, null],
      ]),
      h(
        'div',
        { class: 'row spread' },
        h(
          'div',
          { class: 'row' },
          h('h1', {}, experiment),
          airflowLink(`${me.airflow}dags/${encodeURIComponent(experiment)}`, 'in Airflow'),
        ),
        h(
          'div',
          { class: 'row', role: 'group', 'aria-label': 'Actions' },
          compare,
          entry.can.edit_file && entry.source
            ? h('a', { class: 'button', href: `new?edit=${encodeURIComponent(experiment)}` }, 'Edit the file')
            : null,
          actButton(
            'Start …',
            entry.can.start,
            entry.why_not.start,
            () => startRun(experiment, path, entry.settings),
            'primary',
          ),
        ),
      ),
      entry.description ? h('p', {}, entry.description) : null,
      entry.template
        ? h(
            'p',
            { class: 'muted', id: 'template' },
            `Template: ${entry.template.name}@${entry.template.version}`,
            entry.template.newer
              ? `; there is a newer version, ${entry.template.name}@${entry.template.newer}`
              : '',
          )
        : null,
      entry.schedule
        ? h(
            'p',
            { class: 'muted', id: 'schedule' },
            `Schedule: ${entry.schedule}`,
            entry.next_run ? `; next run ${time(entry.next_run)}` : '',
            entry.next_run && entry.paused ? ', or once it is unpaused' : '',
          )
        : null,
      entry.gone
        ? h(
            'p',
            { class: 'notice' },
            'The file of this experiment is gone, so nothing of it can be run. Its runs can be looked at as long as Airflow has them.',
          )
        : null,
      entry.paused && !entry.gone
        ? h('p', { class: 'notice' }, 'This DAG is paused in Airflow: runs wait until somebody unpauses it.')
        : null,
      entry.import_error ? h('pre', { class: 'problems', role: 'alert' }, entry.import_error) : null,
    ),
    place,
    entry.source
      ? h(
          'section',
          { class: 'card', style: 'margin-top:.9rem' },
          h('h2', {}, entry.file ?? 'The experiment file'),
          h('pre', { class: 'source', tabindex: 0, 'aria-label': 'The experiment file' }, entry.source),
        )
      : null,
  );
  setInterval(() => {
    if (!document.hidden) void look();
  }, REFRESH);
}

/** @param {string} experiment @param {any[]} runs @param {Set<string>} picked @param {() => void} changed */
function runTable(experiment, runs, picked, changed) {
  return plainTable(
    ['Compare', 'Run', 'State', 'Best', 'Progress', 'Trials', 'Time', 'Cost', 'Why it ended'],
    runs.map((run) => [
      h('input', {
        type: 'checkbox',
        checked: picked.has(run.run),
        'aria-label': `Compare ${run.run}`,
        'data-key': `pick-${run.run}`,
        onchange: (event) => {
          if (event.target.checked && picked.size >= MOST) {
            event.target.checked = false;
            toast(`Up to ${MOST} runs can be compared: leave another one out first.`, 'bad');
          } else if (event.target.checked) picked.add(run.run);
          else picked.delete(run.run);
          changed();
        },
      }),
      [
        h('a', { href: pageOf(experiment, run.run), 'data-key': `to-${run.run}` }, run.run),
        run.name || run.tags.length
          ? h(
              'div',
              { class: 'row tight', title: run.comment || null },
              run.name ? h('strong', {}, run.name) : null,
              tagChips(run.tags),
            )
          : null,
      ],
      run.problem && !run.reason ? '⚠ Can’t be read' : badge(run.state),
      h('span', { class: 'whole' }, run.best ? `${number(run.best.value)} (trial ${run.best.trial})` : '–'),
      h(
        'span',
        { class: 'row', style: 'flex-wrap:nowrap' },
        bar(run.fraction, `Progress of ${run.run}`),
        h('span', { class: 'whole' }, percent(run.fraction)),
      ),
      h('span', { class: 'whole' }, run.trials === null ? '–' : `${run.done} of ${run.trials}`),
      h('span', { class: 'whole' }, duration(run.elapsed)),
      cost(run.cost),
      run.problem ?? run.headline,
    ]),
    'Runs',
  );
}

/**
 * The experiment; one whose file was saved a moment ago is waited for.
 *
 * @param {HTMLElement} main @param {string} experiment
 */
async function known(main, experiment) {
  for (;;) {
    try {
      return await get(experimentPath(experiment));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      const ready = await get(`${experimentPath(experiment)}/readiness`).catch(() => null);
      if (!ready) throw error;
      if (ready.state === 'ready') return get(experimentPath(experiment)); // read in this moment, or no experiment
      if (ready.state === 'broken') throw new ApiError(422, ready.error ?? 'Airflow can’t read the file.');
      fill(
        main,
        h('h1', {}, experiment),
        h(
          'p',
          { role: 'status' },
          'Airflow has not read its file yet, which takes up to a minute; the page goes on by itself.',
        ),
      );
      main.removeAttribute('aria-busy');
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}
