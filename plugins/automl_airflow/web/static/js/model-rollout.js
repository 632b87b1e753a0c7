// The card of a rollout: who answers how much beside whom, its steps, what its tests say, and what can be done now.

import { get, modelPath } from './api.js';
import { explain } from './dialog.js';
import { fill, h } from './dom.js';
import { duration, number, time } from './format.js';
import { by } from './model-words.js';
import { scrolled } from './model-lists.js';
import { Panel } from './panel.js';
import { actButton, figures, pageOfModel } from './parts.js';
import coursePlot from './plots/model-rollout-course.js';
import { hold, otherStep, promote, release, takeBackNow } from './rollout-acts.js';
import { evidenceOf } from './rollout-tests.js';
import { countdown, given, inWords, length, mayMove, share, standing } from './rollout-words.js';

/** Milliseconds between two looks at a rollout that goes on. */
const EVERY = 2000;

/** Seconds after which a server that is not heard of is said to be silent: it tells once a minute even where nothing comes. */
const SILENT = 150;

export class RolloutCard {
  /** @param {string} model @param {any} overview of the model */
  constructor(model, overview) {
    this.model = model;
    this.overview = overview;
    /** @type {any} */
    this.body = null;
    this.shown = '';
    this.busy = false;
    this.again = false; // whether the model has moved on while a look was on
    this.failed = false; // whether the last one came to nothing
    this.skew = 0; // of the server's clock, seconds
    this.card = h('section', { class: 'card rollout', 'aria-labelledby': 'rollout-title' });
    this.course = new Panel(coursePlot, { path: modelPath(model), overview, trialPage: () => '', get: async () => this.body });
    this.course.element.hidden = true;
    this.element = h('div', { class: 'stack' }, this.card, this.course.element);
    this.count = h('span', { class: 'count' });
    setInterval(() => !document.hidden && this.going && void this.look(), EVERY);
    setInterval(() => this.tick(), 1000);
    void this.look();
  }

  /** Which rollout is shown: one that the address names, that which goes on, the newest. */
  get id() {
    const named = Number(new URLSearchParams(location.search).get('rollout'));
    return named || this.overview.rollout?.id || this.overview.last_rollout || null;
  }

  /** Whether what is shown moves, or could not be fetched. */
  get going() {
    return this.failed || (this.body !== null && this.body.rollout.ended === null);
  }

  /** The model has moved on. @param {any} overview */
  moved(overview) {
    this.overview = overview;
    this.again = this.busy;
    void this.look();
  }

  async look() {
    if (this.id === null) return this.none();
    if (this.busy) return;
    this.busy = true;
    this.again = this.failed = false;
    try {
      this.body = await get(`${modelPath(this.model)}/rollouts/${this.id}`, { seq: this.overview.seq ?? 0 });
      this.skew = this.body.now - Date.now() / 1000;
      this.draw();
    } catch (error) {
      this.failed = true;
      if (this.body) console.warn(error);
      else explain(this.card, error);
    } finally {
      this.busy = false;
      if (this.again) void this.look();
    }
  }

  none() {
    const accepted = this.overview.counts?.ACCEPTED ?? 0;
    fill(
      this.card,
      h('h2', { id: 'rollout-title' }, 'Rollout'),
      h(
        'p',
        { class: 'muted' },
        !this.overview.in_use
          ? 'Nothing is in use yet. The first version that is accepted answers all requests at once; those after it are rolled out step by step beside it.'
          : accepted
            ? 'A version is accepted: its rollout begins as soon as its run in Airflow comes to it. Look there where that takes long.'
            : 'No version has been rolled out yet. It begins when a version is accepted: offer a result of an experiment with “Deploy …” on the page of its run.',
      ),
    );
  }

  /** The server's time now. */
  get now() {
    return Date.now() / 1000 + this.skew;
  }

  tick() {
    if (!this.body || !this.going || document.hidden) return;
    const text = countdown(this.body.rollout, this.body.view, this.now);
    if (this.count.textContent !== text) this.count.textContent = text;
    const bar = /** @type {HTMLProgressElement | null} */ (this.card.querySelector('progress'));
    if (bar) bar.value = baked(this.body, this.now);
  }

  draw() {
    const text = JSON.stringify({ ...this.body, now: 0 });
    if (text !== this.shown) {
      this.shown = text;
      const active = document.activeElement;
      const focused = active instanceof HTMLElement && this.card.contains(active) ? active.dataset.key : undefined;
      const open = new Set([...this.card.querySelectorAll('details[open]')].map((each) => /** @type {HTMLElement} */ (each).dataset.key));
      fill(this.card, this.parts());
      for (const each of this.card.querySelectorAll('details')) if (open.has(each.dataset.key)) each.open = true;
      if (focused) /** @type {HTMLElement | null} */ (this.card.querySelector(`[data-key="${focused}"]`))?.focus();
      const points = this.body.view?.history ?? [];
      this.course.element.hidden = points.length < 2;
      if (points.length > 1) this.course.give(this.body);
    }
    this.tick();
  }

  parts() {
    const { rollout, view, can, why_not: why } = this.body;
    const { version, champion } = rollout;
    const link = (number_) => h('a', { href: pageOfModel(this.model, number_), 'data-key': `to-${number_}` }, `version ${number_}`);
    const act = (label, name, run, kind) => {
      const button = actButton(label, can[name], why[name], () => run(this.model, rollout), kind);
      button.dataset.key = `act-${name}`;
      return button;
    };
    fill(this.count, countdown(rollout, view, this.now));
    return [
      h(
        'div',
        { class: 'row spread' },
        h('h2', { id: 'rollout-title' }, rollout.kind === 'ab' ? 'Comparison' : 'Rollout', ` ${rollout.id}: `, link(version), champion === null ? '' : [' beside ', link(champion)], ' ', standing(rollout)),
        rollout.ended
          ? null
          : h(
              'div',
              { class: 'row', role: 'group', 'aria-label': 'Actions on the rollout' },
              act('Take back now', 'take_back', takeBackNow, 'danger'),
              rollout.steps.length > 1 ? act(rollout.step + 1 < rollout.steps.length ? 'Next step …' : 'Another step …', 'step', otherStep) : null,
              rollout.step + 1 === rollout.steps.length ? act('Put in use …', 'promote', promote) : null,
              rollout.held ? act('Release …', 'release', release, 'primary') : act('Hold …', 'hold', hold),
            ),
      ),
      this.body.problem ? h('p', { class: 'notice' }, `${this.body.problem[0].toUpperCase()}${this.body.problem.slice(1)}`) : null,
      h('p', { role: 'status' }, inWords(rollout), rollout.why && rollout.ended ? h('span', { class: 'why' }, ` ${rollout.why}`) : ''),
      splitBar(rollout),
      stepList(this.body, this.now),
      rollout.ended ? null : h('p', { class: 'muted' }, this.count, view?.waits && !rollout.held ? ` It waits for: ${view.waits}.` : ''),
      notes(view),
      measured(rollout, view),
      evidenceOf(rollout, view),
      labels(view),
      serversOf(view, this.now),
      actsOf(rollout),
    ];
  }
}

/** How much of the least time of a step is over. @param {any} body @param {number} now */
function baked({ rollout, view }, now) {
  const whole = (mayMove(rollout, view) ?? now) - rollout.since;
  return whole > 0 ? Math.min(1, Math.max(0, (now - rollout.since) / whole)) : 1;
}

/** Who has how much, as one bar. @param {any} rollout */
function splitBar(rollout) {
  const { version, champion } = rollout;
  const back = rollout.ended && rollout.outcome !== 'promoted';
  const mine = rollout.ended ? (back ? 0 : 1) : given(rollout);
  const at = rollout.steps[rollout.step];
  const words = [
    champion === null ? '' : `version ${champion}: ${share(1 - mine)}`,
    `version ${version}: ${share(mine)}`,
    at.shadow && !rollout.ended ? `in the shadow ${share(at.share)}` : '',
  ].filter(Boolean);
  return h(
    'div',
    { class: 'split' },
    h(
      'div',
      { class: 'track', role: 'img', 'aria-label': `Shares of the requests: ${words.join(', ')}` },
      h('span', { class: 'challenger', style: `width:${100 * mine}%` }),
      at.shadow && !rollout.ended ? h('span', { class: 'shadow', style: `width:${100 * at.share}%` }) : null,
    ),
    h(
      'div',
      { class: 'row spread', 'aria-hidden': 'true' },
      h('span', {}, h('span', { class: 'key challenger' }), ` version ${version} ${share(mine)}${at.shadow && !rollout.ended ? ` (shadow of ${share(at.share)})` : ''}`),
      champion === null ? null : h('span', {}, `version ${champion} ${share(1 - mine)} `, h('span', { class: 'key' })),
    ),
  );
}

/** The steps: those that are behind it, the one it is in, those to come. @param {any} body @param {number} now */
function stepList(body, now) {
  const { rollout } = body;
  const over = rollout.ended !== null;
  const since = (place) => rollout.acts.filter((each) => each.step === place && (each.what === 'begun' || each.what === 'step')).at(-1)?.time ?? null;
  return h(
    'ol',
    { class: 'steps', 'aria-label': 'Steps' },
    rollout.steps.map((each, i) => {
      const [state, glyph, said] =
        i < rollout.step || (over && rollout.outcome === 'promoted')
          ? ['passed', '●', 'passed']
          : i > rollout.step
            ? ['planned', '○', over ? 'not reached' : 'planned']
            : over
              ? ['failed', '▼', 'ended here']
              : ['now', rollout.held ? '▮▮' : '◆', rollout.held ? 'held' : 'now'];
      const began = since(i);
      const words = state === 'passed' && began === null ? 'skipped' : said;
      return h(
        'li',
        { class: state, 'aria-current': state === 'now' ? 'step' : null },
        h('strong', {}, each.shadow ? `shadow ${share(each.share)}` : share(each.share)),
        h('span', { class: 'said' }, h('span', { 'aria-hidden': 'true' }, `${glyph} `), words),
        h('small', {}, began ? `${state === 'now' ? 'since' : 'from'} ${time(began)}` : each.bake ? `${length(each.bake)} at least` : 'at once'),
        state === 'now' && !rollout.held && each.bake
          ? h('progress', { max: 1, value: baked(body, now), 'aria-label': `How much of ${length(each.bake)} is over` })
          : null,
      );
    }),
  );
}

/** What the newest look has to say besides its tests. @param {any} view */
function notes(view) {
  const told = view?.notes ?? [];
  return told.length ? h('div', { class: 'notice', role: 'status' }, h('ul', { class: 'notes' }, told.map((each) => h('li', {}, each)))) : null;
}

/** What was measured besides the tests: how quick both are, whether the shadow says the same, the late labels. @param {any} rollout @param {any} view */
function measured(rollout, view) {
  if (!view) return null;
  const { answers = {}, seconds = {}, agreed } = view;
  const quick = (name) => (seconds[name]?.p99 == null ? '–' : duration(seconds[name].p99));
  const median = (name) => (seconds[name]?.p50 == null ? null : `median ${duration(seconds[name].p50)}`);
  return figures([
    [`Answers of version ${rollout.version}`, answers.challenger ? number(answers.challenger) : '–', answers.here != null && !rollout.ended ? `${number(answers.here)} in this step` : null],
    [`Answers of version ${rollout.champion}`, answers.champion ? number(answers.champion) : '–'],
    [`p99 of version ${rollout.version}`, quick('challenger'), median('challenger')],
    [`p99 of version ${rollout.champion}`, quick('champion'), median('champion')],
    ['Shadow said the same', agreed == null ? '–' : share(agreed), answers.shadow ? `${number(answers.shadow)} in the shadow` : null],
  ]);
}

/** What became of labels that come late. @param {any} view */
const labels = (view) =>
  Object.entries(view?.metric ?? {}).map(([name, each]) =>
    h('p', { class: 'hint' }, `${name}, ${each.time ? `measured ${time(each.time)}` : 'not measured yet'}${each.problem ? `: ${each.problem}` : each.words.length ? `: ${each.words.join('; ')}` : ''}.`),
  );

/** Who was heard of last, and when. @param {any} view @param {number} now */
function serversOf(view, now) {
  const servers = view?.servers ?? [];
  if (!servers.length) return null;
  return h(
    'details',
    { class: 'fold', 'data-key': 'servers' },
    h('summary', {}, servers.length === 1 ? 'One server was heard of' : `${servers.length} servers were heard of`),
    scrolled(
      ['Server', 'Last', 'Answers'],
      servers.map((each) => [
        h('span', { class: 'mono' }, each.name),
        h('span', { class: 'whole' }, now - each.heard > SILENT ? 'silent since ' : '', time(each.heard)),
        number(each.answers),
      ]),
      'Servers that were heard of',
    ),
  );
}

/** Who did what. @param {any} rollout */
function actsOf(rollout) {
  const rows = [...rollout.acts].reverse().map((each) => {
    const at = rollout.steps[each.step];
    return [
      h('span', { class: 'whole' }, time(each.time)),
      each.what.replaceAll('_', ' '),
      h('span', { class: 'whole' }, `${each.step + 1}: ${at.shadow ? 'shadow of ' : ''}${share(at.share)}`),
      by(each.by),
      each.why,
    ];
  });
  return h(
    'details',
    { class: 'fold', 'data-key': 'acts' },
    h('summary', {}, 'Who did what'),
    scrolled(['When', 'What', 'Step', 'By', 'Why'], rows, 'What was done to the rollout'),
  );
}
