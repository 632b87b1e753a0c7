// One trial: its combination beside the best one's, its attempts, curves and files.

import { apiAddress, get, runPath } from '../api.js';
import { rerunTrial, stopTrial } from '../acts.js';
import { airflowLink, fill, h } from '../dom.js';
import { cost, duration, number, setting, time } from '../format.js';
import { write, written } from '../label.js';
import { follow } from '../live.js';
import { shortName } from '../names.js';
import { ModelDetails } from '../model-details.js';
import { Panel } from '../panel.js';
import { actButton, crumbs, figures, pageOf } from '../parts.js';
import { fileTable, plainTable } from '../run-details.js';
import { badge } from '../states.js';
import { TrialLog } from '../trial-log.js';
import fitPlot, { fitOf, titleOf } from '../plots/fit.js';
import metricPlot from '../plots/metric.js';

/** @type {import('../main.js').Page} */
export async function show(main, [experiment, run, text]) {
  const n = Number(text);
  const path = runPath(experiment, run);
  const trialPath = `${path}/trials/${n}`;
  const state = { seq: 0 };
  const places = { head: h('div', { class: 'head' }), cards: h('div', { class: 'cards' }), files: h('div') };
  const plots = h('div', { class: 'panels' });
  const log = new TrialLog();
  const model = new ModelDetails(trialPath);
  /** @type {Map<string, Panel>} */
  const panels = new Map();
  document.title = `Trial ${n} · ${experiment} · AutoML`;

  /** Fills a place only with what is new, so that focus and selection stay where they are. */
  const shown = new Map();
  function put(place, data, make) {
    const text = JSON.stringify(data);
    if (shown.get(place) === text) return;
    shown.set(place, text);
    const focused = place.contains(document.activeElement) ? document.activeElement?.textContent : null;
    fill(place, make());
    if (focused === null) return;
    for (const each of place.querySelectorAll('a, button'))
      if (each.textContent === focused) return /** @type {HTMLElement} */ (each).focus();
  }

  /** @param {boolean} [files] whether to look for new files too */
  async function refresh(files = true) {
    const [body, curve, listed] = await Promise.all([
      get(trialPath, { seq: state.seq }),
      get(`${trialPath}/curve`, { points: 500, seq: state.seq }),
      files ? get(`${trialPath}/files`) : null,
    ]);
    const { seq: _, ...rest } = body;
    put(places.head, rest, () => head(body, { experiment, run, path }, n));
    put(places.cards, rest, () => cards(body, { experiment, run }, n));
    log.show(body.works.flatMap((work) => work.attempts));
    if (listed)
      put(places.files, listed, () =>
        h(
          'section',
          { class: 'card' },
          h(
            'div',
            { class: 'row spread' },
            h('h2', {}, 'Files'),
            listed.files.length && listed.downloads.allowed
              ? h('a', { class: 'button', href: apiAddress(`${trialPath}/archive`), download: '' }, 'All as a zip')
              : null,
          ),
          listed.downloads.allowed
            ? null
            : h('p', { class: 'muted' }, `Nothing can be downloaded: ${listed.downloads.reason}.`),
          fileTable(listed.files, 'Files of the trial'),
        ),
      );
    if (files) model.refresh().catch(console.warn); // what is shown stays
    drawCurves(curve);
    state.seq = body.seq;
    return { live: curve.live || body.works.some((work) => ['RUNNING', 'WAITING'].includes(work.state)) };
  }

  /** Training beside validation in one chart; each other metric in one of its own. @param {any} curve */
  function drawCurves(curve) {
    const paired = new Set(curve.fits.flatMap((each) => [each.learned, each.held_out, ...each.others]));
    const wanted = new Map([
      ...curve.fits.map((each) => [titleOf(each), fitPlot(titleOf(each))]),
      ...Object.keys(curve.series)
        .filter((metric) => !paired.has(metric))
        .map((metric) => [metric, metricPlot(metric)]),
    ]);
    for (const [title, panel] of panels) {
      if (wanted.has(title)) continue;
      panel.element.remove(); // it has found its other side
      panels.delete(title);
    }
    for (const [title, plot] of wanted) {
      if (!panels.has(title)) {
        const load = () => get(`${trialPath}/curve`, { points: 500 });
        const panel = new Panel(plot, { path, overview: null, trialPage: () => '', get: load });
        panels.set(title, panel);
        plots.append(panel.element);
      }
      panels.get(title)?.give(fitOf(curve, title) ?? { ...curve.series[title], live: curve.live, seq: curve.seq });
    }
  }

  const first = await refresh();
  fill(
    main,
    places.head,
    places.cards,
    h('div', { style: 'height:.9rem' }),
    plots,
    h('div', { style: 'height:.9rem' }),
    model.element,
    h('div', { style: 'height:.9rem' }),
    log.element,
    h('div', { style: 'height:.9rem' }),
    places.files,
  );
  follow(path, {
    since: state.seq,
    say: () => {},
    refresh: async (seq, trials) => {
      if (trials !== null && !trials.has(n)) return;
      state.seq = seq;
      first.live = (await refresh()).live;
    },
  });
  setInterval(() => {
    if (first.live && !document.hidden) refresh(false).then((now) => Object.assign(first, now), console.warn);
  }, 3000);
}

/** @param {any} body @param {import('../acts.js').Run} run @param {number} n */
function head(body, run, n) {
  const { trial, can, why_not: why } = body;
  const newest = body.works.flatMap((work) => work.attempts).at(-1);
  const label = { name: trial.name, tags: trial.tags, comment: trial.comment, ...body.labelled };
  return [
    crumbs([
      ['Experiments', './'],
      [run.experiment, pageOf(run.experiment)],
      [run.run, pageOf(run.experiment, run.run)],
      [`Trial ${n}`, null],
    ]),
    h(
      'div',
      { class: 'row spread' },
      h(
        'div',
        { class: 'row' },
        h('h1', {}, `Trial ${n}`),
        h('span', { role: 'status' }, badge(trial.state)),
        newest?.log ? airflowLink(newest.log, `Log of attempt ${newest.number}`) : null,
      ),
      h(
        'div',
        { class: 'row', role: 'group', 'aria-label': 'Actions' },
        actButton('Stop …', can.stop, why.stop, () => stopTrial(run, n), 'danger'),
        actButton('Rerun …', can.rerun, why.rerun, () => rerunTrial(run, n)),
        actButton('Name, tags …', can.label, why.label, () => write(`trial ${n}`, `${run.path}/trials/${n}`, label)),
      ),
    ),
    written(label),
    trial.reason ? reasonOf(trial) : null,
    body.warnings.map((/** @type {string} */ each) => h('p', { class: 'notice' }, each)),
    figures([
      ['Value', number(trial.value), trial.rank ? `rank ${trial.rank}` : null],
      [
        'Difference to the best',
        body.difference?.value == null ? '–' : (body.difference.value > 0 ? '+' : '') + number(body.difference.value),
        body.difference
          ? h('a', { href: pageOf(run.experiment, run.run, body.difference.best) }, `trial ${body.difference.best}`)
          : 'this is the best',
      ],
      ['Ran', duration(trial.seconds), trial.started ? `from ${time(trial.started)}` : null],
      ['Cost', cost(trial.cost)],
      ['Attempts', number(trial.attempts)],
      ...(trial.budget === null
        ? []
        : [
            [
              'Budget',
              number(trial.budget),
              trial.rung === null ? null : `rung ${trial.rung}, bracket ${trial.bracket}`,
            ],
          ]),
      ['Last step', number(trial.step)],
      [
        'Chosen as',
        trial.note || 'suggested',
        trial.parent === null
          ? null
          : h('a', { href: pageOf(run.experiment, run.run, trial.parent) }, `from trial ${trial.parent}`),
      ],
    ]),
  ];
}

/** Whether a headline, which has no full stop, is all of its reason. @param {string} reason @param {string} headline */
const isWhole = (reason, headline) => reason.trim().replace(/\.+$/, '') === headline;

/** Why a trial ended: the line that says most, and below it what the training printed last. @param {any} trial */
function reasonOf(trial) {
  const { reason, headline } = trial;
  const kind = trial.state === 'FAILED' ? 'problems' : 'muted';
  if (isWhole(reason, headline)) return h('p', { class: kind }, reason);
  return h(
    'div',
    { class: kind },
    h('p', {}, h('strong', {}, headline)),
    h('pre', { class: 'reason', tabindex: 0, 'aria-label': 'Why it ended, in full' }, reason),
  );
}

/** The same of one attempt, where it is not what stands above already. @param {any} attempt @param {string} above */
function whyOf({ reason, headline }, above) {
  if (!reason) return '–';
  if (isWhole(reason, headline)) return headline;
  if (reason === above) return h('span', { class: 'muted' }, 'as above');
  return h('details', {}, h('summary', {}, headline), h('pre', { class: 'reason' }, reason));
}

/** @param {any} body @param {{experiment: string, run: string}} run @param {number} n */
function cards(body, run, n) {
  const card = (title, content) => h('section', { class: 'card' }, h('h2', {}, title), content);
  const { trial, difference } = body;
  const rows = difference
    ? difference.params.map((each) => [
        shortName(each.name),
        h('span', { class: each.same ? 'same' : 'differs' }, setting(each.this)),
        each.same ? 'same' : setting(each.best),
      ])
    : Object.entries(trial.params).map(([name, value]) => [shortName(name), setting(value)]);
  const attempts = body.works.flatMap((work) =>
    work.attempts.map((each) => [
      each.task,
      each.number,
      work.budget === null ? '–' : number(work.budget),
      badge(each.state),
      each.log
        ? h('span', { class: 'whole' }, airflowLink(each.log, `Log of ${each.task}, attempt ${each.number}`))
        : '–',
      whyOf(each, trial.reason),
      h('span', { class: 'whole' }, time(each.started)),
      h(
        'span',
        { class: 'whole' },
        duration(each.ended === null || each.started === null ? null : each.ended - each.started),
      ),
      each.external || each.worker || '–',
    ]),
  );
  const metrics = Object.entries(trial.metrics ?? {});
  return [
    card(
      'Combination',
      plainTable(
        ['Parameter', 'This trial', ...(difference ? [`Best (trial ${difference.best})`] : [])],
        rows,
        `Combination of trial ${n}`,
      ),
    ),
    metrics.length
      ? card(
          'Metrics',
          plainTable(
            ['Metric', 'Value'],
            metrics.map(([name, value]) => [shortName(name), number(value)]),
            'Metrics',
          ),
        )
      : null,
    h(
      'section',
      { class: 'card', style: 'grid-column: 1 / -1' },
      h('h2', {}, 'Attempts'),
      plainTable(
        ['Task', 'Attempt', 'Budget', 'State', "Airflow's log", 'Why', 'Started', 'Ran', 'Where'],
        attempts,
        'Attempts',
      ),
    ),
  ];
}
