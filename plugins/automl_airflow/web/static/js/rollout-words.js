// What is said of rollouts, wherever they are shown: shares, steps, what tests say, how long until they move on.

import { h } from './dom.js';
import { duration, many, number, time } from './format.js';

/** A share of the requests: 5 %, 0.25 %. @param {number} value */
export const share = (value) => `${Number((100 * value).toPrecision(3))} %`;

/** The share of the requests that are given its answers: none in the shadow. @param {any} rollout of the API */
export const given = (rollout) => (rollout.shadow ? 0 : rollout.share);

/** A length of time that somebody has written: 30 min, 1 h. @param {number} seconds */
export const length = (seconds) => duration(seconds).replace(/ 0 (s|min|h)$/, '').replace(/\.0 s$/, ' s');

/** How a rollout stands, with a shape and a word. @param {any} rollout of the API */
export function standing(rollout) {
  const [tone, glyph, text] = rollout.ended
    ? (OUTCOMES[rollout.outcome] ?? ['ended', '■', rollout.outcome ?? 'ended'])
    : rollout.held
      ? ['early', '▮▮', 'held']
      : rollout.steps[rollout.step]?.shadow
        ? ['busy', '◆', 'in the shadow']
        : ['busy', '◆', 'going on'];
  return h('span', { class: `badge ${tone}` }, h('span', { 'aria-hidden': 'true' }, glyph), ` ${text}`);
}

/** @type {Record<string, [string, string, string]>} */
const OUTCOMES = {
  promoted: ['good', '●', 'put in use'],
  taken_back: ['bad', '▼', 'taken back'],
  stopped: ['ended', '■', 'stopped'],
};

/** In a list of models: which version has how much. @param {any} glance of the API */
export function atAGlance(glance) {
  const { version, shadow, held, step, steps, kind } = glance;
  const where = kind === 'ab' ? 'compared' : `step ${step + 1} of ${steps.length}`;
  return [
    h(
      'span',
      { class: `badge ${held ? 'early' : 'busy'}` },
      h('span', { 'aria-hidden': 'true' }, held ? '▮▮' : '◆'),
      ` ${shadow ? 'shadow' : share(glance.share)}${held ? ' held' : ''}`,
    ),
    ` version ${version}, ${where}`,
  ];
}

/** What a rollout does just now, or has come to, in one or two sentences. @param {any} rollout of the API */
export function inWords(rollout) {
  const { version, champion, step, steps, kind, since, ended, outcome } = rollout;
  const before = champion === null ? 'nothing' : `version ${champion}`;
  if (ended) {
    const took = `The rollout took ${duration(ended - rollout.begun)}`;
    if (outcome === 'promoted') return `Version ${version} is in use since ${time(ended)}. ${took}.`;
    if (outcome === 'taken_back')
      return `Version ${version} was taken back at ${time(ended)} with ${share(given(rollout))} of the requests; ${before} answers all.`;
    return `It was stopped at ${time(ended)}: version ${champion}, which it was compared with, was taken back. Version ${version} has to be evaluated again.`;
  }
  const at = steps[step];
  if (at.shadow)
    return `Version ${version} answers ${share(at.share)} of the requests in the shadow of ${before}, since ${time(since)}: its answers are computed and logged, not given.`;
  const others = at.share < 1 ? `, ${before} the others,` : `; ${before} stays at hand,`;
  const where = kind === 'ab' ? 'until one is better, or the time is over' : `step ${step + 1} of ${steps.length}`;
  return `Version ${version} answers ${share(at.share)} of the requests${others} since ${time(since)} (${where}).`;
}

/** When the step that a rollout is in may end, seconds since 1970; null where nobody knows yet. @param {any} rollout @param {any} view the newest look of its guard @returns {number | null} */
export const mayMove = (rollout, view) => (view?.step === rollout.step && view.may_move_at >= rollout.since ? view.may_move_at : rollout.may_move_at);

/** How long until it may move on. @param {any} rollout @param {any} view the newest look of its guard @param {number} now of the server */
export function countdown(rollout, view, now) {
  if (rollout.ended) return '';
  if (rollout.held) return 'It is held: only a safeguard or a person moves it.';
  const at = rollout.steps[rollout.step];
  const last = rollout.step + 1 >= rollout.steps.length;
  const may = mayMove(rollout, view);
  if (may === null) return '';
  const left = Math.round(may - now);
  if (rollout.kind === 'ab' && !at.shadow) return left > 0 ? `It is decided in ${duration(left)} at the latest.` : 'Its time is over.';
  const what = last ? `Version ${rollout.version} can be put in use` : 'The next step can come';
  return left > 0 ? `${what} in ${duration(left)} at the earliest.` : 'Its time in this step is over.';
}

/** What a test has come to, with a shape and a word. @param {string} state */
export function verdictOf(state) {
  const [tone, glyph, text] = VERDICTS[state] ?? ['idle', '◇', state.replaceAll('_', ' ')];
  return h('span', { class: `badge ${tone}` }, h('span', { 'aria-hidden': 'true' }, glyph), ` ${text}`);
}

/** @type {Record<string, [string, string, string]>} */
const VERDICTS = {
  worse: ['bad', '✕', 'worse'],
  better: ['good', '●', 'better'],
  small: ['good', '●', 'too small to matter'],
  open: ['idle', '◇', 'no difference shown'],
  waits: ['idle', '◇', 'waits'],
};

/** Hits among answers. @param {any} side */
export const counted = (side) =>
  !side?.answers ? 'no answer yet' : side.hits == null ? `mean of ${many(side.answers, 'answer')}` : `${number(side.hits)} of ${many(side.answers, 'answer')}`;
