// What an acceptance of a version rests on: the verdict, differences with intervals, slices, tests, bad cases.

import { ApiError, apiAddress, get, modelPath } from './api.js';
import { explain } from './dialog.js';
import { fill, h } from './dom.js';
import { bytes, duration, many, number, setting, time } from './format.js';
import { scrolled, WORDS } from './model-lists.js';
import { share } from './model-parts.js';
import { interval, signed, verdict } from './model-words.js';
import { shortName } from './names.js';
import { Panel } from './panel.js';
import { figures } from './parts.js';
import reliabilityPlot from './plots/model-reliability.js';
import slicesPlot from './plots/model-slices.js';

const LISTED = 25;

/** What `accept.when` asks for. @type {Record<string, string>} */
const CONDITIONS = { better: 'it is better', not_worse: 'it is not worse', passes: 'it passes the tests' };

/** What a slice is beside the version in use. @type {Record<string, string>} */
const STATES = { better: '● better', worse: '✕ worse', same: '■ no clear difference', few: '◇ too few rows', alone: '–' };

export class Evidence {
  /** @param {string} model @param {number} version */
  constructor(model, version) {
    this.path = `${modelPath(model)}/versions/${version}`;
    this.element = h('div', { class: 'stack' });
    this.chosen = '';
    this.shown = '';
    /** That of the evidence that stands on the page: what an answer is about. Empty while there is none. */
    this.digest = '';
    this.wantsCases = false;
  }

  /** Shows the evidence of a version, where it is new. @param {any} version */
  show(version) {
    const newest = version.evidence[version.evidence.length - 1];
    const all = [...version.evidence, ...version.checks];
    if (!newest) {
      fill(
        this.element,
        h('section', { class: 'card' }, h('h2', {}, 'Evidence'), h('p', { class: 'muted' }, 'It was not evaluated yet. A run of the rollout does that; what it finds will stand here.')),
      );
      return;
    }
    const digest = all.some((each) => each.digest === this.chosen) ? this.chosen : newest.digest;
    const key = JSON.stringify([digest, all.map((each) => each.digest), version.data_rows]);
    if (key === this.shown) return;
    this.shown = key;
    void this.load(version, all, digest);
  }

  /** @param {any} version @param {any[]} all @param {string} digest */
  async load(version, all, digest) {
    const chooser =
      all.length > 1
        ? h(
            'label',
            {},
            'Evidence of ',
            h(
              'select',
              {
                onchange: (event) => {
                  this.chosen = event.target.value;
                  this.shown = '';
                  this.show(version);
                },
              },
              [...all].reverse().map((each) => h('option', { value: each.digest, selected: each.digest === digest }, `${time(each.time)}${version.checks.includes(each) ? ' (while in use)' : ''}`)),
            ),
          )
        : null;
    try {
      const found = await get(`${this.path}/evidence`, { digest });
      const context = { path: this.path, overview: null, trialPage: () => '', get: async () => found };
      const plots = [slicesPlot, ...(found.calibration?.challenger?.bins ? [reliabilityPlot] : [])];
      this.cases = cases(found, this.path, digest, version.data_rows);
      this.digest = digest;
      fill(
        this.element,
        h('div', { class: 'cards' }, conclusion(found, chooser, this.path, digest), tests(found)),
        h('div', { class: 'panels' }, plots.map((plot) => new Panel(plot, context).element), metrics(found)),
        h('div', { class: 'cards' }, slices(found), this.cases, machine(found)),
      );
      if (this.wantsCases) this.toCases();
    } catch (error) {
      this.shown = this.digest = '';
      const place = h('div', { class: 'problems', role: 'alert' });
      explain(place, error);
      fill(this.element, h('section', { class: 'card' }, h('h2', {}, 'Evidence'), chooser, place));
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** Scrolls to the bad cases, once they are there. */
  toCases() {
    this.wantsCases = true;
    this.cases?.scrollIntoView();
  }
}

/** @param {any} found @param {import('./dom.js').Child} chooser @param {string} path @param {string} digest */
function conclusion(found, chooser, path, digest) {
  const { metric, values, difference, data, verdict: said } = found;
  const beside = found.champion === null ? 'No version was in use, so there is nothing to compare with.' : `Measured beside version ${found.champion}, on the same rows.`;
  const left = data.left_out.map((each) => `${many(each.rows, 'row')}: ${each.why}`);
  return h(
    'section',
    { class: 'card' },
    h('div', { class: 'row spread' }, h('h2', {}, 'Evidence'), chooser),
    said ? h('p', {}, `Conditions (${CONDITIONS[said.when] ?? said.when}): `, verdict(said)) : null,
    said?.reasons.length ? h('ul', {}, said.reasons.map((each) => h('li', {}, each))) : null,
    figures([
      [`${metric.name} (${metric.direction === 'maximize' ? 'more is better' : 'less is better'})`, number(values.challenger), found.champion === null ? null : `version ${found.champion}: ${number(values.champion)}`],
      ...(difference ? [/** @type {any} */ (['Difference', signed(difference.value), `${interval(difference.low, difference.high, true)} (${number(100 * difference.confidence)} %)`])] : []),
      ['Rows', number(data.scored), data.keys && data.clustered ? `${many(data.keys, 'key')}` : null],
    ]),
    h('p', {}, beside),
    difference
      ? h('p', { class: 'muted' }, `${difference.method}${difference.draws ? `, ${number(difference.draws)} draws` : ''}${difference.p_value === null || difference.p_value === undefined ? '' : `, p = ${number(difference.p_value)}`}${difference.on === 'unseen' ? '; on rows that neither was trained on' : ''}.`)
      : null,
    h('p', { class: 'muted' }, `Data: ${data.place ?? 'given'}${left.length ? `; left out: ${left.join('; ')}` : ''}.`),
    seen(data.seen, found.champion),
    found.notes.map((each) => h('p', { class: 'notice' }, each)),
    h('p', { class: 'hint mono' }, `evidence ${digest}`),
    h('p', { class: 'row' }, h('a', { class: 'button', href: apiAddress(`${path}/evidence.md?digest=${digest}`), download: '' }, 'As a page of text'), h('a', { class: 'button', href: apiAddress(`${path}/evidence?digest=${digest}`), download: '' }, 'As JSON')),
  );
}

/** How much of the rows the models had seen. @param {any} found @param {number | null} champion */
function seen(found, champion) {
  const one = (who, each) => {
    if (!each) return '';
    const text = each.how === 'unknown' ? 'not known' : share(each.share);
    return `${who}: ${text}${each.note ? ` (${each.note})` : ''}`;
  };
  const told = [one('this version', found?.challenger), champion === null ? '' : one(`version ${champion}`, found?.champion)].filter(Boolean);
  return told.length ? h('p', { class: 'muted' }, `Of these rows in what it was trained on: ${told.join('; ')}.`) : null;
}

/** @param {any} found */
function metrics(found) {
  const alone = found.champion === null;
  const rows = Object.entries(found.metrics).map(([name, each]) => [
    name === found.metric.name ? h('strong', {}, name) : name,
    each.direction === 'maximize' ? 'more' : 'less',
    [number(each.challenger.value), h('span', { class: 'muted' }, ` (${interval(each.challenger.low, each.challenger.high)})`)],
    ...(alone
      ? []
      : [
          each.champion ? [number(each.champion.value), h('span', { class: 'muted' }, ` (${interval(each.champion.low, each.champion.high)})`)] : '–',
          each.difference ? [signed(each.difference.value), h('span', { class: 'muted' }, ` (${interval(each.difference.low, each.difference.high, true)})`)] : '–',
        ]),
  ]);
  const head = ['Metric', 'Better is', 'This version', ...(alone ? [] : [`Version ${found.champion}`, 'Difference'])];
  return h('section', { class: 'card' }, h('h2', {}, 'Metrics'), scrolled(head, rows, 'Metrics'));
}

/** @param {any} found */
function slices(found) {
  if (!found.slices.length) return null;
  const alone = found.champion === null;
  const rows = found.slices.map((each) => [
    shortName(each.column, 30),
    shortName(setting(each.value), 40),
    number(each.rows),
    number(each.challenger?.value),
    ...(alone ? [] : [number(each.champion?.value), each.difference ? [signed(each.difference.value), h('span', { class: 'muted' }, ` (${interval(each.difference.low, each.difference.high, true)})`)] : '–']),
    [STATES[each.state] ?? each.state, each.why ? h('span', { class: 'muted' }, ` ${each.why}`) : ''],
  ]);
  const head = ['Column', 'Value', 'Rows', 'This version', ...(alone ? [] : [`Version ${found.champion}`, 'Difference']), 'It is'];
  return h('section', { class: 'card' }, h('h2', {}, `Slices, by ${found.metric.name}`), scrolled(head, rows, 'Slices'), h('p', { class: 'hint' }, 'A slice counts as better or worse only where that stands after a correction for how many are looked at (Holm).'));
}

/** @param {any} found */
function tests(found) {
  const state = (each) =>
    each.passed === true
      ? h('span', { class: 'badge good' }, '● passed')
      : each.passed === false
        ? h('span', { class: 'badge bad' }, '✕ failed')
        : h('span', { class: 'badge idle' }, '◇ not tried');
  const rows = found.tests.map((each) => [shortName(each.name, 60), each.kind, state(each), each.checked ? `${number(each.failed)} of ${number(each.checked)}` : '–', each.severity === 'refuse' ? 'refuses' : 'warns', each.why]);
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Regression tests'),
    rows.length
      ? scrolled(['Test', 'Kind', 'State', 'Failed', 'A failure', 'Why'], rows, 'Regression tests')
      : h('p', { class: 'muted' }, 'The model’s file states none (evaluate.tests).'),
  );
}

/** @param {any} found @param {string} path @param {string} digest @param {{allowed: boolean, reason: string}} allowed */
function cases(found, path, digest, allowed) {
  const told = found.cases;
  if (!told) return null;
  const place = h('div', {}, h('p', { class: 'muted' }, 'Loading …'));
  let asked = false;
  const rows = h(
    'details',
    {
      class: 'fold',
      ontoggle: async (/** @type {Event} */ event) => {
        if (asked || !(/** @type {HTMLDetailsElement} */ (event.target).open)) return;
        asked = true;
        try {
          fill(place, caseRows(await get(`${path}/evidence/rows`, { digest }), found.champion));
        } catch (error) {
          asked = false;
          explain(place, error);
        }
      },
    },
    h('summary', {}, 'The rows themselves'),
    place,
  );
  return h(
    'section',
    { class: 'card', id: 'cases' },
    h('h2', {}, 'Bad cases'),
    h('p', { class: 'muted' }, `What counts: ${told.rule}${told.threshold === null ? '' : ` (${number(told.threshold)})`}. Rows are known again by ${told.by === 'key' ? `their ${found.data.key}` : 'their content'}.`),
    figures(['fixed', 'still', 'new', 'regressed', 'unseen'].filter((name) => told.counts[name] !== undefined).map((name) => [NAMES[name], number(told.counts[name])])),
    allowed.allowed ? rows : h('p', { class: 'muted' }, `Its rows can’t be shown: ${allowed.reason}.`),
  );
}

const NAMES = { fixed: 'Fixed', still: 'Still bad', new: 'New', regressed: 'Regressed', unseen: 'Not measured before' };

/** @param {any} found @param {number | null} champion */
function caseRows(found, champion) {
  const columns = [...new Set(found.cases.flatMap((each) => Object.keys(each.row ?? {})))];
  const said = (each) => (each ? shortName(setting(each.prediction), 40) : '–');
  const groups = ['new', 'regressed', 'still', 'unseen', 'fixed']
    .map((state) => [state, found.cases.filter((each) => each.state === state)])
    .filter(([, some]) => some.length);
  const failed = Object.entries(found.tests ?? {}).filter(([, some]) => some.length);
  return [
    groups.map(([state, some]) => [
      h('h3', {}, `${WORDS[state]} (${number(some.length)})`),
      scrolled(
        ['Row', 'Truth', 'This version', champion === null ? '' : `Version ${champion}`, ...columns.map((each) => shortName(each))],
        some.slice(0, LISTED).map((each) => [shortName(setting(each.id), 40), shortName(setting(each.truth), 40), said(each.challenger), said(each.champion), ...columns.map((name) => shortName(setting(each.row?.[name]), 60))]),
        `Bad cases: ${state}`,
      ),
      some.length > LISTED ? h('p', { class: 'muted' }, `${LISTED} of ${some.length}; the REST API has all that were kept.`) : null,
    ]),
    failed.map(([name, some]) => [
      h('h3', {}, `Test: ${shortName(name, 60)}`),
      scrolled(
        ['Row', 'Wanted', 'Found', 'Values'],
        some.slice(0, LISTED).map((each) => [shortName(setting(each.id), 40), setting(each.wanted), setting(each.found), shortName(setting(each.row), 120)]),
        `Rows that failed ${name}`,
      ),
    ]),
    groups.length || failed.length ? null : h('p', { class: 'muted' }, 'There are none.'),
  ];
}

/** Speed and size. @param {any} found */
function machine(found) {
  const { latency, size } = found;
  if (!latency?.challenger && !size?.challenger) return null;
  const ms = (value) => (value === null || value === undefined ? '–' : duration(value / 1000));
  const rows = [
    ['one row, median', ms(latency?.challenger?.single_ms?.median), ms(latency?.champion?.single_ms?.median)],
    ['one row, 95 % within', ms(latency?.challenger?.single_ms?.p95), ms(latency?.champion?.single_ms?.p95)],
    ['rows a second, all at once', number(latency?.challenger?.batch?.rows_per_second), number(latency?.champion?.batch?.rows_per_second)],
    ['size', bytes(size?.challenger?.bytes), bytes(size?.champion?.bytes)],
    ['files', number(size?.challenger?.files), number(size?.champion?.files)],
    ['until it can answer', ms(size?.challenger?.open_ms), ms(size?.champion?.open_ms)],
  ];
  const alone = found.champion === null;
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Speed and size'),
    scrolled(['', 'This version', ...(alone ? [] : [`Version ${found.champion}`])], alone ? rows.map((each) => each.slice(0, 2)) : rows, 'Speed and size'),
    latency?.how ? h('p', { class: 'muted' }, latency.how) : null,
  );
}
