// What the watch of a model has found: quality measured and estimated, live tests, drift of columns and where it comes from.

import { h } from './dom.js';
import { many, number, time } from './format.js';
import { scrolled } from './model-lists.js';
import { interval } from './model-words.js';
import { shortName } from './names.js';
import { Panel } from './panel.js';
import driftPlot from './plots/model-drift.js';
import qualityPlot from './plots/model-quality.js';
import { share } from './rollout-words.js';

/** @typedef {import('./model-lists.js').Made} Made */

/** @param {string} title @param {...import('./dom.js').Child} body */
const card = (title, ...body) => h('section', { class: 'card' }, h('h2', {}, title), body);

/** States of looks, with a shape and a word. @type {Record<string, [string, string, string]>} */
const STATES = {
  holds: ['good', '●', 'holds'],
  worse: ['bad', '✕', 'worse'],
  drifted: ['bad', '✕', 'drifted'],
  passed: ['good', '●', 'passed'],
  failed: ['bad', '✕', 'failed'],
  estimated: ['good', '●', 'estimated'],
};

/** @param {string} state */
export function lookState(state) {
  const [tone, glyph, text] = STATES[state] ?? ['idle', '◇', 'can’t be told'];
  return h('span', { class: `badge ${tone}` }, h('span', { 'aria-hidden': 'true' }, glyph), ` ${text}`);
}

/** A sentence, whether it ends with a full stop or not. Names of metrics keep their letters. @param {any} text */
function said(text) {
  if (!text) return '';
  const begun = /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return `${begun}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** @param {any} look what the watch has found last */
function lastLook(look) {
  if (!look) return card('Last look', h('p', { class: 'muted' }, 'The watch has not looked yet: see its DAG in Airflow, whether it is paused, and when it runs.'));
  return card(
    'Last look',
    h('p', {}, `${time(look.time)}, version ${look.version}: `, lookState(look.state), ` ${said(look.why)}`),
    look.notes.length ? h('ul', { class: 'muted' }, look.notes.map((each) => h('li', {}, each))) : null,
  );
}

/** The metric without labels. @param {any} found */
function estimateCard(found) {
  const newest = found.newest;
  if (!newest || newest.state === 'none') return null;
  const checked = newest.checked;
  return card(
    'Without labels',
    h('p', {}, lookState(newest.state === 'estimated' ? (newest.worse ? 'worse' : newest.worse === false ? 'holds' : 'estimated') : newest.state), ` ${said(newest.words || newest.why)}`),
    newest.state === 'estimated'
      ? h('p', { class: 'muted' }, `${newest.metric}: ${number(newest.value)} (${interval(newest.low, newest.high)}), of ${many(newest.rows, 'answer')} and by what the model says of itself.`)
      : null,
    checked ? h('p', { class: 'muted' }, `Where labels have come (${many(checked.rows, 'row')}) the estimate was ${number(checked.estimated)}, and ${number(checked.measured)} came true.`) : null,
    newest.record?.checks
      ? h('p', { class: 'muted' }, `So far ${newest.record.within} of ${many(newest.record.checks, 'estimate')} that could be checked held what came true; they were ${number(newest.record.error)} off on average.`)
      : null,
  );
}

/** Regression tests against the server. @param {any} found */
function liveCard(found) {
  const newest = found.newest;
  if (!newest) return null;
  const tests = Array.isArray(newest.tests) ? newest.tests : [];
  const rows = tests.map((each) => [
    shortName(each.name, 60),
    each.passed === null || each.passed === undefined ? lookState('') : lookState(each.passed ? 'passed' : 'failed'),
    number(each.checked),
    number(each.failed),
    each.why ?? '',
  ]);
  const before = found.looks.slice(-48);
  const counts = before.filter((each) => each.state === 'failed').length;
  return card(
    'Live tests',
    h('p', {}, lookState(newest.state), ` ${said(newest.why) || `${number(newest.requests)} requests were answered as they must be.`}`),
    h('p', { class: 'muted' }, newest.url ? `Asked: ${newest.url}. ` : '', newest.version ? `Version ${newest.version} has answered. ` : '', newest.other ? said(newest.other) : ''),
    newest.seconds ? h('p', { class: 'muted' }, `An answer took ${number(newest.seconds.median * 1000)} ms in the middle, ${number(newest.seconds.p95 * 1000)} ms at the 95th percentile.`) : null,
    rows.length ? scrolled(['Test', 'Result', 'Checked', 'Failed', 'Why'], rows, 'Live tests') : null,
    before.length > 1
      ? h(
          'p',
          { class: 'glyphs' },
          h('span', { class: 'visually-hidden' }, `Of the last ${before.length} looks ${counts} had failed tests.`),
          before.map((each) => h('span', { class: `badge ${(STATES[each.state] ?? ['idle'])[0]}`, 'aria-hidden': 'true', title: `${time(each.time)}: ${each.why || each.state}` }, (STATES[each.state] ?? ['', '◇'])[1])),
        )
      : null,
  );
}

/** @param {string} model @param {any} context @returns {Promise<Made>} */
export async function qualityCard(model, context) {
  const data = await context.get('quality');
  const plot = new Panel(qualityPlot, { ...context, get: async () => data });
  return {
    data,
    body: h('div', { class: 'stack' }, lastLook(data.newest), h('div', { class: 'panels' }, plot.element), h('div', { class: 'cards' }, estimateCard(data.estimate), liveCard(data.live))),
  };
}

/** What has drifted, in words, and which columns changed what the model says. @param {string} model @param {any} context @returns {Promise<Made>} */
export async function driftCard(model, context) {
  const data = await context.get('drift');
  const last = data.looks.at(-1);
  const plot = new Panel(driftPlot, { ...context, get: async () => data });
  const words = last ? (last.words ?? []) : [];
  return {
    data,
    body: h(
      'div',
      { class: 'stack' },
      card(
        'Drift',
        last
          ? [
              h('p', {}, `${time(last.time)}, version ${last.version}: `, lookState(last.state), last.rows ? ` ${many(last.rows, 'row')} were compared with those that it was accepted on.` : ''),
              words.length
                ? h('ul', {}, words.map((each) => h('li', {}, each)))
                : h('p', { class: 'muted' }, last.state === 'holds' ? `No column lies further than ${number(data.least)} from what it was, as far as chance can’t explain it.` : said(data.newest?.why)),
              last.p != null ? h('p', { class: 'muted' }, `The whole table is one question: p = ${number(last.p)}, an alarm below ${number(last.alpha)}.`) : null,
            ]
          : h('p', { class: 'muted' }, 'No look has compared columns yet. It takes 300 rows, a model in this product’s format, and a version in use; `drift: false` in the file leaves it out.'),
      ),
      h('div', { class: 'panels' }, plot.element),
      attributionCard(data.newest?.attribution),
    ),
  };
}

/** By which columns predictions have changed. @param {any} found */
function attributionCard(found) {
  if (!found) return null;
  if (found.why) return card('Where the change of predictions comes from', h('p', { class: 'muted' }, said(found.why)));
  const part = (value) => (value === null || value === undefined ? '–' : share(Math.max(0, value)));
  return card(
    'Where the change of predictions comes from',
    found.words ? h('p', {}, said(Array.isArray(found.words) ? found.words.join('; ') : found.words)) : null,
    scrolled(
      ['Column', 'Part of the change', '', `Mean of ${found.output} with the column as it was`],
      found.columns.map((each) => [
        shortName(each.name, 40),
        part(each.share),
        h('meter', { min: 0, max: 1, value: Math.min(1, Math.max(0, each.share ?? 0)), 'aria-label': `Part of ${each.name}` }),
        number(each.mean),
      ]),
      'Parts of the change by column',
    ),
    h('p', { class: 'muted' }, `${found.output}: ${number(found.before)} before, ${number(found.now)} now. ${found.together == null ? '' : `All of these columns together explain ${part(found.together)}. `}Columns that changed together may each explain the same, so parts need not add up to 100 %.`),
  );
}
