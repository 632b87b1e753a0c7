// One model: what is in use, since when, by whose word; its versions, what it scored, and what it took.

import { get, modelPath } from '../api.js';
import { explain } from '../dialog.js';
import { airflowLink, fill, h } from '../dom.js';
import { duration, many, number, time } from '../format.js';
import { retrain, takeBack } from '../model-acts.js';
import { casesCard, efficiencyCard, historyCard, intervalsCard, retrainingsCard, versionsCard } from '../model-lists.js';
import { RolloutCard } from '../model-rollout.js';
import { rolloutsCard } from '../model-traffic.js';
import { driftCard, qualityCard } from '../model-watch.js';
import { by, waitsFor } from '../model-words.js';
import { Panel } from '../panel.js';
import { actButton, crumbs, figures, pageOf, pageOfModel, tabs } from '../parts.js';
import leadPlot from '../plots/model-lead-time.js';
import monthsPlot from '../plots/model-months.js';
import sharesPlot from '../plots/model-shares.js';
import trafficPlot from '../plots/model-traffic.js';
import { atAGlance } from '../rollout-words.js';

const REFRESH = 5000;

/** How often a part is filled again whose figures lie beside the journal, as looks of the watch do. */
const BESIDE = 60000;

/** Where requests are answered by servers, and versions rolled out to them. */
const SERVED = new Set(['servers', 'kubernetes']);

/** @type {import('../main.js').Page} */
export async function show(main, [model]) {
  const path = modelPath(model);
  document.title = `${model} · AutoML`;
  const [first, me] = await Promise.all([get(path), get('me')]);
  let now = first;
  const context = {
    path,
    overview: first,
    trialPage: (version) => pageOfModel(model, version),
    get: (part, query = {}) => get(`${path}/${part}`, { ...query, seq: now.seq ?? 0 }),
  };
  /** @type {Array<{refresh: () => Promise<void>}>} */
  const parts = [];
  /** @type {Panel[]} */
  const panels = [];
  const place = h('div', { class: 'head' });

  /** A part that is filled when its tab is opened, and again as the model moves on. @param {(context: any) => Promise<import('../dom.js').Child>} make @param {boolean} [beside] whether it changes without the journal too */
  const part = (make, beside = false) => {
    const element = h('div', { class: 'stack' }, h('p', { class: 'muted' }, 'Loading …'));
    let shown = '';
    const refresh = async () => {
      try {
        const made = await make(context);
        const text = JSON.stringify(made.data);
        if (text === shown) return;
        shown = text;
        const focused = document.activeElement instanceof HTMLElement && element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
        fill(element, made.body);
        if (focused) /** @type {HTMLElement | null} */ (element.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
      } catch (error) {
        shown = '';
        explain(element, error);
      }
    };
    parts.push({ refresh });
    if (beside) setInterval(() => !document.hidden && element.offsetParent !== null && void refresh(), BESIDE);
    void refresh();
    return element;
  };
  /** @param {import('../panel.js').Plot[]} plots */
  const plots = (plots) => {
    const made = plots.map((plot) => new Panel(plot, context));
    panels.push(...made);
    return h('div', { class: 'panels' }, made.map((each) => each.element));
  };

  const served = SERVED.has(first.deploy) || first.last_rollout !== null;
  const rollout = served ? new RolloutCard(model, first) : null;
  const shown = tabs(
    [
      {
        id: 'overview',
        label: 'Overview',
        make: () => h('div', { class: 'stack' }, rollout?.element, plots([sharesPlot]), part((c) => versionsCard(model, c))),
      },
      ...(served ? [{ id: 'traffic', label: 'Traffic', make: () => h('div', { class: 'stack' }, plots([trafficPlot()]), part((c) => rolloutsCard(model, c))) }] : []),
      ...(first.deploy === 'batch' || first.scored.intervals ? [{ id: 'scoring', label: 'Scoring', make: () => part((c) => intervalsCard(model, c, () => now)) }] : []),
      { id: 'cases', label: 'Bad cases', make: () => part((c) => casesCard(model, c)) },
      ...(first.watched
        ? [
            { id: 'quality', label: 'Quality', make: () => part((c) => qualityCard(model, c), true) },
            { id: 'drift', label: 'Drift', make: () => part((c) => driftCard(model, c), true) },
          ]
        : []),
      { id: 'efficiency', label: 'Efficiency', make: () => h('div', { class: 'stack' }, part(efficiencyCard), plots([leadPlot, monthsPlot]), part((c) => retrainingsCard(c))) },
      { id: 'history', label: 'History', make: () => part((c) => historyCard(model, c)) },
      { id: 'file', label: 'File', make: () => fileCard(now) },
    ],
    'Parts of the model',
  );
  const draw = () => drawHead(place, model, now, me);
  draw();
  fill(main, place, shown.element);
  shown.start();

  const look = async () => {
    try {
      const found = await get(path);
      const moved = found.seq !== now.seq;
      const changed = moved || JSON.stringify({ ...found, now: 0 }) !== JSON.stringify({ ...now, now: 0 });
      now = context.overview = found;
      if (changed) draw();
      if (moved) {
        rollout?.moved(now);
        for (const panel of panels) panel.moved();
        for (const each of parts) void each.refresh();
      }
    } catch (error) {
      console.warn(error);
    }
  };
  document.addEventListener('automl:acted', () => void look());
  setInterval(() => !document.hidden && void look(), REFRESH);
}

/** @param {HTMLElement} place @param {string} model @param {any} now @param {any} me */
function drawHead(place, model, now, me) {
  const { can, why_not: why, in_use: used } = now;
  const focused = place.contains(document.activeElement) ? document.activeElement?.textContent : null;
  const dags = Object.values(now.dags);
  const paused = dags.filter((each) => each.paused).map((each) => each.dag);
  fill(
    place,
    crumbs([
      ['Models', 'models'],
      [model, null],
    ]),
    h(
      'div',
      { class: 'row spread' },
      h(
        'div',
        { class: 'row' },
        h('h1', {}, model),
        dags.map((each) => airflowLink(`${me.airflow}dags/${encodeURIComponent(each.dag)}`, `${each.dag.slice(each.dag.lastIndexOf('.') + 1)} in Airflow`)),
      ),
      h(
        'div',
        { class: 'row', role: 'group', 'aria-label': 'Actions' },
        now.can.edit_file && now.source ? h('a', { class: 'button', href: `new?model=${encodeURIComponent(model)}` }, 'Edit the file') : null,
        used ? actButton('Take back …', can.take_back, why.take_back, () => takeBack(model, used.version), 'danger') : null,
        actButton('Train anew …', can.retrain, why.retrain, () => retrain(model, now.experiments)),
      ),
    ),
    now.description ? h('p', {}, now.description) : null,
    now.gone ? h('p', { class: 'notice' }, 'The file of this model is gone, so nothing of it can be run. Its history can be looked at.') : null,
    paused.length && !now.gone ? h('p', { class: 'notice' }, `Paused in Airflow, so nothing of it goes on: ${paused.join(', ')}.`) : null,
    now.import_error ? h('pre', { class: 'problems', role: 'alert' }, now.import_error) : null,
    now.waiting.length
      ? h('p', { class: 'notice', role: 'status' }, 'Waits for an answer: ', waitsFor(model, now.waiting), now.waiting.some((each) => each.late) ? ' (the time is over)' : '')
      : null,
    figures([
      ...(now.rollout ? [['Rolled out', h('a', { href: pageOfModel(model, now.rollout.version) }, `version ${now.rollout.version}`), atAGlance(now.rollout)]] : []),
      used
        ? ['In use', h('a', { href: pageOfModel(model, used.version) }, `version ${used.version}`), [`since ${time(used.since)}, of `, h('a', { href: pageOf(used.source.experiment, used.source.run) }, used.source.experiment)]]
        : ['In use', 'nothing yet', now.versions ? 'no version was accepted' : 'no result was offered'],
      used?.accepted ? ['Accepted by', by(used.accepted.by), `${time(used.accepted.answered)}${used.accepted.note ? `: ${used.accepted.note}` : ''}`] : ['Accepted by', '–'],
      ['Versions', number(now.versions), counts(now.counts)],
      ['Candidates', now.experiments.length ? now.experiments.map((each, i) => [i ? ', ' : '', h('a', { href: pageOf(each) }, each)]) : '–'],
      now.scored.intervals ? ['Scored', many(now.scored.intervals, 'interval'), many(now.scored.rows, 'row')] : ['Scored', '–'],
      ['Next scoring', now.next_interval ? time(now.next_interval) : '–', now.next_interval ? `in ${duration(Math.max(0, now.next_interval - now.now))}` : null],
    ]),
  );
  for (const button of place.querySelectorAll('button')) if (focused && button.textContent === focused) button.focus();
}

/** @param {Record<string, number>} found */
const counts = (found) =>
  Object.entries(found)
    .map(([state, count]) => `${count} ${state.toLowerCase().replace('_', ' ')}`)
    .join(', ');

/** @param {any} now */
const fileCard = (now) =>
  h(
    'section',
    { class: 'card' },
    h('h2', {}, now.file ?? 'The model’s file'),
    now.source
      ? h('pre', { class: 'source', tabindex: 0, 'aria-label': 'The model’s file' }, now.source)
      : h('p', { class: 'muted' }, 'Its text is for those who may read DAG code.'),
  );
