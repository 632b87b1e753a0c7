// One run of an experiment, live while it runs.

import { ApiError, experimentPath, get, runPath } from '../api.js';
import { explain } from '../dialog.js';
import { airflowLink, fill, h } from '../dom.js';
import { follow } from '../live.js';
import { stopBefore } from '../acts.js';
import { Panel } from '../panel.js';
import { crumbs, pageOf, tabs } from '../parts.js';
import { RunHeader } from '../run-header.js';
import { badge } from '../states.js';

/** Milliseconds between two looks at what goes on between two events: time left, values of running trials. */
const MEANWHILE = 5000;

/** @type {import('../main.js').Page} */
export async function show(main, [experiment, run]) {
  const path = runPath(experiment, run);
  // the plot's library is large: it comes while the server is asked
  const plotting = import('../plots/history.js');
  const bundle = await begun(main, experiment, run);
  if (!bundle) return;
  const { default: history } = await plotting;
  const context = {
    path,
    seq: bundle.overview.seq,
    overview: bundle.overview,
    trialPage: (trial) => pageOf(experiment, run, trial),
    get: (part, query = {}) => get(part ? `${path}/${part}` : path, { ...query, seq: context.seq }),
  };
  const header = new RunHeader({ experiment, run, path });
  header.show(bundle.overview);
  /** @type {Panel[]} */
  const panels = [];
  /** @type {import('../trial-table.js').TrialTable | undefined} */
  let table;

  /** @type {(() => Promise<void>) | undefined} */
  let drawDetails;

  /** @type {{ element: HTMLElement, refresh: () => Promise<void> } | undefined} */
  let report;

  /** A grid that fills with plots as their modules come. @param {Array<() => Promise<any>>} modules */
  function grid(modules) {
    const place = h('div', { class: 'panels' });
    void Promise.all(modules.map((load) => load())).then((loaded) => {
      for (const { default: plot } of loaded) {
        const panel = new Panel(typeof plot === 'function' ? plot() : plot, context);
        panels.push(panel);
        place.append(panel.element);
      }
    });
    return place;
  }

  const overviewTab = () => {
    const panel = new Panel(history, context);
    panel.give(bundle.history);
    panels.push(panel);
    const rest = grid([() => import('../plots/curves.js')]);
    rest.prepend(panel.element);
    return rest;
  };
  const template = bundle.overview.template?.name ?? '';
  const made = template.startsWith('table-')
    ? async () => new (await import('../table-report.js')).TableReport(context)
    : template.startsWith('series-')
      ? async () => new (await import('../forecast-report.js')).ForecastReport(context)
      : null;
  const several = bundle.overview.goal.objectives.length > 1;
  const shown = tabs(
    [
      { id: 'overview', label: 'Overview', make: overviewTab },
      ...(several ? [{ id: 'front', label: 'Front', make: () => grid([() => import('../plots/pareto.js')]) }] : []),
      ...(made
        ? [
            {
              id: 'model',
              label: 'Model',
              make: () => {
                const place = h('div');
                void made().then((found) => {
                  report = found;
                  fill(place, found.element);
                  found.refresh().catch((error) => explain(place, error));
                });
                return place;
              },
            },
          ]
        : []),
      {
        id: 'trials',
        label: 'Trials',
        make: () => {
          const place = h('div');
          void import('../trial-table.js').then(({ TrialTable }) => {
            table = new TrialTable({ experiment, run, path }, context);
            place.append(table.element);
          });
          return place;
        },
      },
      {
        id: 'parameters',
        label: 'Parameters',
        make: () =>
          grid([
            () => import('../plots/parallel.js'),
            () => import('../plots/importance.js'),
            () => import('../plots/slice.js'),
            () => import('../plots/contour.js'),
          ]),
      },
      {
        id: 'time',
        label: 'Time and cost',
        make: () =>
          grid([
            () => import('../plots/timeline.js'),
            ...(bundle.overview.limits.budget ? [() => import('../plots/rungs.js')] : []),
            () => import('../plots/cost.js'),
          ]),
      },
      {
        id: 'details',
        label: 'Settings and changes',
        make: () => {
          const place = h('div');
          drawDetails = async () => {
            const { details } = await import('../run-details.js');
            fill(place, await details(context));
          };
          drawDetails().catch((error) => explain(place, error));
          return place;
        },
      },
    ],
    'Views of this run',
  );
  fill(main, header.element, shown.element);
  shown.start();
  follow(path, {
    since: bundle.overview.seq,
    say: (text) => header.say(text),
    over: () => context.overview.ended !== null,
    refresh: async (seq) => {
      context.seq = seq;
      const before = context.overview;
      const overview = await context.get('');
      context.overview = overview;
      header.show(overview);
      for (const panel of panels) panel.moved();
      table?.moved();
      if (changed(before, overview)) await drawDetails?.();
      if (overview.ended !== null) await report?.refresh();
    },
  });
  setInterval(() => {
    const { ended, counts, airflow } = context.overview;
    // once the search has ended its run in Airflow takes a moment more: what can be done then is known after it
    const goesOn = ended === null ? counts.RUNNING > 0 : !['success', 'failed'].includes(airflow.state);
    if (document.hidden || !goesOn) return;
    context.get('').then((overview) => {
      if (overview.seq < context.overview.seq) return;
      context.overview = overview;
      header.show(overview);
      for (const panel of panels) if (panel.plot.meanwhile) panel.moved();
    }, console.warn);
  }, MEANWHILE);
}

const later = () => new Promise((resolve) => setTimeout(resolve, 1500));

/** Whether anything of the settings and changes is new. @param {any} before @param {any} after */
function changed(before, after) {
  const told = ({ acts, overrides, limits, ended }) => JSON.stringify([acts[0]?.seq, overrides, limits, ended]);
  return told(before) !== told(after);
}

/**
 * First paint in one request; says what is waited for while Airflow has not begun the run.
 *
 * @param {HTMLElement} main @param {string} experiment @param {string} run
 * @returns {Promise<any>} null where the run has ended without ever beginning
 */
async function begun(main, experiment, run) {
  const first = () => get(`${runPath(experiment, run)}/bundle`, { parts: 'overview,history' });
  try {
    return await first();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    let shown = '';
    const [{ airflow }, { paused }] = await Promise.all([get('me'), get(experimentPath(experiment))]);
    for (;;) {
      const { runs } = await get(`${experimentPath(experiment)}/runs`, { limit: 200 });
      const found = runs.find((each) => each.run === run);
      if (!found) throw error;
      const over = found.airflow_state === 'failed' || found.airflow_state === 'success';
      if (found.problem && !over) throw new ApiError(503, found.problem);
      if (!over && found.state !== 'QUEUED') return first();
      if (shown === found.airflow_state) {
        await later();
        continue;
      }
      shown = found.airflow_state;
      fill(
        main,
        crumbs([
          ['Experiments', './'],
          [experiment, pageOf(experiment)],
          [run, null],
        ]),
        h(
          'div',
          { class: 'row' },
          h('h1', {}, experiment),
          badge(over ? 'FAILED' : 'QUEUED'),
          airflowLink(`${airflow}dags/${encodeURIComponent(experiment)}/runs/${encodeURIComponent(run)}`, 'in Airflow'),
        ),
        h(
          'p',
          { role: 'status' },
          over
            ? 'The run ended before its search began: the log of `propose` in Airflow says why.'
            : paused
              ? 'The DAG is paused in Airflow: this run waits until somebody unpauses it there. The page goes on by itself.'
              : 'Airflow has not begun this run yet; the page goes on by itself.',
        ),
        over
          ? null
          : h(
              'p',
              {},
              h(
                'button',
                {
                  type: 'button',
                  class: 'danger',
                  onclick: () => stopBefore({ experiment, run, path: runPath(experiment, run) }),
                },
                'Stop …',
              ),
            ),
      );
      main.removeAttribute('aria-busy');
      if (over) return null;
      await later();
    }
  }
}
