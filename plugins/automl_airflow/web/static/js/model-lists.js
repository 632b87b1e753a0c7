// Tables of a model's page: versions, intervals, bad cases, what happened, trainings that were asked for.

import { explain } from './dialog.js';
import { fill, h } from './dom.js';
import { duration, many, number, setting, time } from './format.js';
import { scoreAgain } from './model-acts.js';
import { by, interval, signed, verdict } from './model-words.js';
import { shortName } from './names.js';
import { actButton, figures, pageOf, pageOfModel } from './parts.js';
import { plainTable } from './run-details.js';
import { badge } from './states.js';

const MOST = 500;

/** @typedef {{data: any, body: import('./dom.js').Child}} Made */

/** @param {string} title @param {...import('./dom.js').Child} body */
const card = (title, ...body) => h('section', { class: 'card' }, h('h2', {}, title), body);

/** A table that scrolls in itself. @param {Array<import('./dom.js').Child>} head @param {Array<Array<import('./dom.js').Child>>} rows @param {string} label */
export const scrolled = (head, rows, label) =>
  h('div', { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': label }, plainTable(head, rows, label));

/** @param {string} model @param {any} context @returns {Promise<Made>} */
export async function versionsCard(model, context) {
  const data = await context.get('versions', { sort: '-version', limit: MOST });
  const rows = data.versions.map((each) => [
    h('a', { href: pageOfModel(model, each.version), class: 'whole', 'data-key': `version-${each.version}` }, `version ${each.version}`),
    h('span', { class: 'whole' }, badge(each.state)),
    h('span', { class: 'whole' }, verdict(each.verdict)),
    difference(each.summary),
    h('span', { class: 'whole', title: each.run }, h('a', { href: pageOf(each.experiment, each.run), 'data-key': `run-${each.version}` }, shortName(each.experiment, 30))),
    h('span', { class: 'whole' }, time(each.offered_at)),
    each.decided ? [`${each.decided.what} by ${by(each.decided.by)}`, h('span', { class: 'muted whole' }, ` ${time(each.decided.answered)}`)] : '–',
    h('span', { class: 'whole' }, time(each.in_use_since)),
    told(each.note || each.decided?.note || ''),
  ]);
  const head = ['Version', 'State', 'Conditions', 'Beside the version in use', 'Result of', 'Offered', 'Decided', 'In use since', 'Note'];
  return {
    data,
    body: card(
      many(data.total, 'version'),
      rows.length ? scrolled(head, rows, 'Versions') : h('p', { class: 'muted' }, 'Nothing was offered yet: the next result that a candidate publishes becomes version 1.'),
      data.matched > rows.length ? h('p', { class: 'muted' }, `The newest ${rows.length} of ${data.matched}; the REST API has all.`) : null,
    ),
  };
}

/** A sentence in a table: a long one gets room. @param {string} text */
export const told = (text) => (text.length > 30 ? h('div', { class: 'told' }, text) : text);

/** What evidence in short says of two versions. @param {any} summary */
function difference(summary) {
  if (!summary) return '–';
  const metric = typeof summary.metric === 'object' ? summary.metric?.name : summary.metric;
  if (!summary.difference) return `${shortName(metric ?? '', 20)} ${number(summary.values?.challenger)}`;
  const { value, low, high } = summary.difference;
  return [`${shortName(metric ?? '', 20)} ${signed(value)}`, h('span', { class: 'muted' }, ` (${interval(low, high, true)})`)];
}

/** @param {string} model @param {any} context @param {() => any} now @returns {Promise<Made>} */
export async function intervalsCard(model, context, now) {
  const data = await context.get('intervals', { limit: MOST });
  const { can, why_not: why } = now();
  const rows = data.intervals.map((each) => [
    h('span', { class: 'whole' }, each.start === null ? each.key : time(each.start)),
    h('span', { class: 'whole' }, time(each.end)),
    h('a', { href: pageOfModel(model, each.version), 'data-key': `by-${each.key}` }, `version ${each.version}`),
    each.ended === null && each.begun !== null ? 'being scored' : number(each.rows),
    each.begun && each.ended ? duration(each.ended - each.begun) : '–',
    each.generation > 1 ? `${each.generation} times${each.why ? `: ${each.why}` : ''}` : 'once',
    h('span', { class: 'mono', title: each.out }, shortName(each.out, 50)),
    actButton('Again …', can.score, why.score, () => scoreAgain(model, each)),
  ]);
  for (const row of rows) row[7].setAttribute('data-key', `again-${row[0].textContent}`);
  return {
    data: [data, can.score],
    body: card(
      data.matched ? `${many(data.matched, 'interval')} scored` : 'Scoring',
      data.missing.length
        ? h(
            'div',
            { class: 'notice', style: 'margin-bottom:.6rem' },
            `${many(data.missing.length, 'stretch')} of data between them not scored: `.replace('stretchs', 'stretches'),
            data.missing.slice(0, 5).map((each, i) => [i ? '; ' : '', `${time(each.start)} to ${time(each.end)}`]),
            data.missing.length > 5 ? ' …' : '',
          )
        : null,
      rows.length
        ? scrolled(['From', 'To', 'By', 'Rows', 'Took', 'Scored', 'Predictions', ''], rows, 'Intervals that were scored')
        : h('p', { class: 'muted' }, 'No interval has been scored yet: that begins once a version is in use.'),
      data.given_up ? h('p', { class: 'muted' }, `${many(data.given_up, 'attempt')} came to nothing and was taken up again.`) : null,
      data.matched > rows.length ? h('p', { class: 'muted' }, `The newest ${rows.length} of ${data.matched}; the REST API has all.`) : null,
    ),
  };
}

/** @param {string} model @param {any} context @returns {Promise<Made>} */
export async function casesCard(model, context) {
  const data = await context.get('cases');
  const place = h('div', { 'aria-live': 'polite' });
  const input = h('input', { type: 'search', name: 'key', required: true, 'aria-label': 'Key of a row', placeholder: 'Key of a row, such as a customer’s', size: 32 });
  const follow = h(
    'form',
    {
      class: 'row',
      style: 'margin-top:.9rem',
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          fill(place, oneCase(model, await context.get('cases/rows', { key: /** @type {any} */ (input).value.trim() })));
        } catch (error) {
          explain(place, error);
        }
      },
    },
    input,
    h('button', { type: 'submit' }, 'Follow it over the versions'),
  );
  const rows = [...data.versions].reverse().map((each) => [
    h('a', { href: `${pageOfModel(model, each.version)}#cases`, 'data-key': `cases-${each.version}` }, `version ${each.version}`),
    badge(each.state),
    each.champion ? `version ${each.champion}` : '–',
    ...['fixed', 'still', 'new', 'regressed'].map((name) => number(each.counts[name] ?? 0)),
  ]);
  return {
    data,
    body: card(
      'Bad cases from version to version',
      h('p', { class: 'muted' }, 'Rows on which a version is wrong, beside the version that was in use then: mended by it, still wrong, new, and new ones that an earlier version had mended (regressed).'),
      rows.length
        ? [scrolled(['Version', 'State', 'Beside', 'Fixed', 'Still bad', 'New', 'Regressed'], rows, 'Bad cases'), follow, place]
        : h('p', { class: 'muted' }, 'None are known yet: they are counted where a version is evaluated beside another.'),
    ),
  };
}

/** @param {string} model @param {any} found */
const oneCase = (model, found) => [
  h('h3', {}, `Row ${shortName(String(found.key), 60)}`),
  plainTable(
    ['Version', 'On this row'],
    found.versions.map((each) => [h('a', { href: pageOfModel(model, each.version) }, `version ${each.version}`), WORDS[each.state] ?? 'not among its bad cases']),
    'One bad case over the versions',
  ),
  found.row ? rowOf(found.row) : null,
];

/** What becomes of a bad case. @type {Record<string, string>} */
export const WORDS = {
  fixed: '● fixed: the version before was wrong, this one is not',
  still: '■ still wrong, as the version before',
  new: '✕ new: wrong, where the version before was not',
  regressed: '✕ regressed: an earlier version had mended it',
  unseen: '◇ wrong; the version before was not measured on it',
};

/** A row of data. @param {Record<string, any>} row */
export const rowOf = (row) =>
  plainTable(
    ['Column', 'Value'],
    Object.entries(row).map(([name, value]) => [shortName(name, 40), shortName(setting(value), 120)]),
    'The row',
  );

/** @param {string} model @param {any} context @returns {Promise<Made>} */
export async function historyCard(model, context) {
  const first = await context.get('history', { limit: 1 });
  const data = await context.get('history', { offset: Math.max(0, first.matched - MOST), limit: MOST });
  const rows = [...data.events].reverse().map((each, i) => [
    h('span', { class: 'whole' }, time(each.time)),
    each.kind.replace('_', ' '),
    each.version === null ? '–' : h('a', { href: pageOfModel(model, each.version), class: 'whole', 'data-key': `event-${i}` }, `version ${each.version}`),
    by(each.by),
    each.text,
  ]);
  return {
    data,
    body: [
      atCard(context),
      card(
        'What happened',
        rows.length ? scrolled(['When', 'What', 'Version', 'By', 'In words'], rows, 'History') : h('p', { class: 'muted' }, 'Nothing yet.'),
        data.matched > rows.length ? h('p', { class: 'muted' }, `The newest ${rows.length} of ${data.matched}; the REST API has all.`) : null,
      ),
    ],
  };
}

/** Asks what was in use at a time. @param {any} context */
function atCard(context) {
  const place = h('p', { role: 'status' });
  const input = h('input', { type: 'datetime-local', step: 1, name: 'at', required: true, 'aria-label': 'A time (UTC)' });
  return card(
    'What was in use at …',
    h(
      'form',
      {
        class: 'row',
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            const at = Date.parse(`${/** @type {any} */ (input).value}Z`) / 1000;
            const { in_use: used } = await context.get('in-use', { at });
            const accepted = used?.accepted ? `, accepted by ${by(used.accepted.by)} at ${time(used.accepted.answered)} on the evidence ${used.evidence.slice(0, 12)}` : '';
            fill(place, used ? `Version ${used.version}, in use since ${time(used.since)}${accepted}.` : 'Nothing was in use then.');
          } catch (error) {
            explain(place, error);
          }
        },
      },
      input,
      ' UTC ',
      h('button', { type: 'submit' }, 'Look'),
    ),
    place,
  );
}

/** @param {any} context @returns {Promise<Made>} */
export async function retrainingsCard(context) {
  const data = await context.get('retrainings');
  const rows = data.retrainings.map((each) => [
    h('span', { class: 'whole' }, time(each.time)),
    by(each.by),
    each.reason.text ?? Object.entries(each.reason).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${setting(value)}`).join('; '),
    each.run ? h('a', { href: pageOf(each.experiment, each.run), 'data-key': `training-${each.id}` }, shortName(each.run, 40)) : 'not begun',
    each.version ? `version ${each.version}` : (each.outcome ?? '–'),
  ]);
  return {
    data,
    body: card(
      'Trainings that were asked for',
      rows.length ? scrolled(['When', 'By', 'Why', 'Run', 'Came of it'], rows, 'Trainings that were asked for') : h('p', { class: 'muted' }, 'Nobody, and no watch, has asked for one.'),
    ),
  };
}

/** Medians over the versions that came into use. @param {any} context @returns {Promise<Made>} */
export async function efficiencyCard(context) {
  const { summary } = await context.get('efficiency');
  const spent = (name) => duration(summary[`${name}_median`]);
  return {
    data: summary,
    body: summary.used
      ? figures([
          ['From the beginning of the training to use', spent('total'), `median of ${many(summary.used, 'version')}`],
          ['Training', spent('training')],
          ['The platform', spent('handling'), 'offering, evaluating, asking, putting in use'],
          ['Waiting for people', spent('people')],
          ['Age of the data when training began', spent('data_age')],
          ['Versions a month', number(summary.offered_per_month), `${number(summary.in_use_per_month)} put in use`],
        ])
      : null,
  };
}
