// One experiment: its runs, its file, and a start.

import { experimentPath, get } from '../api.js';
import { startRun } from '../acts.js';
import { airflowLink, fill, h } from '../dom.js';
import { cost, duration, many, number, percent } from '../format.js';
import { actButton, bar, crumbs, pageOf } from '../parts.js';
import { plainTable } from '../run-details.js';
import { badge } from '../states.js';

const REFRESH = 5000;
const MOST = 5;

/** @type {import('../main.js').Page} */
export async function show(main, [experiment]) {
  const path = experimentPath(experiment);
  document.title = `${experiment} · AutoML`;
  const [entry, first, me] = await Promise.all([get(path), get(`${path}/runs`, { limit: 50 }), get('me')]);
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
    );
    if (focused)
      /** @type {HTMLElement | null} */ (place.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  };
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
            'you have not the right to start runs of this DAG',
            () => startRun(experiment, path),
            'primary',
          ),
        ),
      ),
      entry.description ? h('p', {}, entry.description) : null,
      entry.paused
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
    if (!document.hidden) get(`${path}/runs`, { limit: 50 }).then(draw, console.warn);
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
          if (event.target.checked && picked.size >= MOST) event.target.checked = false;
          else if (event.target.checked) picked.add(run.run);
          else picked.delete(run.run);
          changed();
        },
      }),
      h('a', { href: pageOf(experiment, run.run), 'data-key': `to-${run.run}` }, run.run),
      badge(run.state),
      run.best ? `${number(run.best.value)} (trial ${run.best.trial})` : '–',
      h(
        'span',
        { class: 'row', style: 'flex-wrap:nowrap' },
        bar(run.fraction, `Progress of ${run.run}`),
        percent(run.fraction),
      ),
      `${run.done ?? 0} of ${run.trials ?? '–'}`,
      duration(run.elapsed),
      cost(run.cost),
      run.problem ?? run.reason ?? '',
    ]),
    'Runs',
  );
}
