// One run of an experiment, live while it runs.

import { ApiError, experimentPath, get, runPath } from '../api.js';
import { explain } from '../dialog.js';
import { airflowLink, fill, h } from '../dom.js';
import { follow } from '../live.js';
import { Panel } from '../panel.js';
import { crumbs, pageOf, tabs } from '../parts.js';
import { RunHeader } from '../run-header.js';
import { badge } from '../states.js';

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
  const several = bundle.overview.goal.objectives.length > 1;
  const shown = tabs(
    [
      { id: 'overview', label: 'Overview', make: overviewTab },
      ...(several ? [{ id: 'front', label: 'Front', make: () => grid([() => import('../plots/pareto.js')]) }] : []),
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
    refresh: async (seq) => {
      context.seq = seq;
      const before = context.overview;
      const overview = await context.get('');
      context.overview = overview;
      header.show(overview);
      for (const panel of panels) panel.moved();
      table?.moved();
      if (changed(before, overview)) await drawDetails?.();
    },
  });
}

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
    const { airflow } = await get('me');
    for (;;) {
      const { runs } = await get(`${experimentPath(experiment)}/runs`, { limit: 200 });
      const found = runs.find((each) => each.run === run);
      if (!found || found.problem) throw found ? new Error(found.problem) : error;
      const over = found.airflow_state === 'failed' || found.airflow_state === 'success';
      if (!over && found.state !== 'QUEUED') return first();
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
            : 'Airflow has not begun this run yet; the page goes on by itself.',
        ),
      );
      main.removeAttribute('aria-busy');
      if (over) return null;
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}
