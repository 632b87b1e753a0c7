// Tables of the ledger: rounds, sums, data sets, what models took, who agrees with whom, bad cases, suspects.

import { explain } from './dialog.js';
import { fill, h } from './dom.js';
import { cost as money, duration, many, number, setting, time } from './format.js';
import { coefficient, interval, perPoint, points, share } from './ledger-words.js';
import { scrolled, told } from './model-lists.js';
import { shortName } from './names.js';
import { pageOf, pageOfModel } from './parts.js';
import { SOURCES, roundName } from './plots/ledger-rounds.js';

/** @typedef {{data: any, body: import('./dom.js').Child}} Made */

const MOST = 100;

/** @param {string} title @param {...import('./dom.js').Child} body */
const card = (title, ...body) => h('section', { class: 'card' }, h('h2', {}, title), body);

/** @param {string} text */
const hint = (text) => h('p', { class: 'hint' }, text);

/** @param {string} text */
const none = (text) => h('p', { class: 'muted' }, text);

/** @param {any} context @returns {Promise<Made>} */
export async function roundsCard(context) {
  const data = await context.get('rounds');
  const rows = [...data.rounds].reverse().map((each) => [
    h('span', { class: 'whole' }, roundName(each.round)),
    h('span', { class: 'whole' }, each.ended === null ? 'goes on' : time(each.ended)),
    number(each.answers.labels),
    money(each.answers.cost),
    duration(each.answers.seconds),
    each.models.length
      ? each.models.map((model, i) => [i ? h('br') : null, h('span', { class: 'whole' }, `${shortName(model.model, 30)}: ${interval(model)}${model.model === each.best && each.models.length > 1 ? ' ●' : ''}`)])
      : '–',
    each.brought?.gain ? [points(each.brought.gain), h('span', { class: 'muted whole' }, ` on ${each.brought.gain.items} items`)] : '–',
    each.brought?.gain ? perPoint(each.brought.gain.labels_per_point, (value) => number(Math.round(value))) : '–',
    each.brought?.gain ? perPoint(each.brought.gain.cost_per_point, money) : '–',
    told(each.stopped),
  ]);
  return {
    data,
    body: card(
      many(data.rounds.length, 'round'),
      rows.length
        ? [
            scrolled(['Round', 'Ended', 'Labels', 'Cost', 'Time', 'Accuracy', 'Gain', 'Labels a point', 'Cost a point', 'Then'], rows, 'Rounds'),
            hint('● is the model that the round is judged by. A gain compares it with that of the round before on the items that both were judged on. What a point of accuracy cost has no upper end where the round may have brought nothing.'),
          ]
        : none('No round has begun yet.'),
    ),
  };
}

/** @param {any} context @returns {Promise<Made>} */
export async function sumsCard(context) {
  const { cost } = await context.get('ledger');
  const table = (title, label, rows, name) =>
    rows.length
      ? card(
          title,
          scrolled(
            [label, 'Labels', 'Skipped', 'Cost', 'Cost of a label', 'Time', 'Time of an answer'],
            [
              ...rows.map((each) => [name(each), number(each.labels), number(each.skipped), money(each.cost), money(each.cost_per_label), duration(each.seconds), duration(each.seconds_per_answer)]),
              [h('strong', {}, 'all'), number(cost.total.labels), number(cost.total.skipped), money(cost.total.cost), money(cost.total.cost_per_label), duration(cost.total.seconds), duration(cost.total.seconds_per_answer)],
            ],
            title,
          ),
        )
      : null;
  return {
    data: cost,
    body: [
      table('By author', 'Author', cost.by_author, (each) => shortName(each.author, 40)),
      table('By source', 'Source', cost.by_source, (each) => SOURCES[each.source] ?? each.source),
      table('By what it was asked for', 'Reason', cost.by_kind, (each) => each.kind || 'not asked for'),
      table('By where it was given', 'Where', cost.by_where, (each) => each.where || 'not told'),
    ],
  };
}

/** @param {any} context @returns {Promise<Made>} */
export async function setsCard(context) {
  const { use } = await context.get('ledger');
  const rows = [...use.sets].reverse().map((each) => [
    number(each.set),
    h('span', { class: 'whole' }, roundName(each.round)),
    h('span', { class: 'whole' }, time(each.time)),
    number(each.rows),
    number(each.answers.labels),
    money(each.answers.cost),
    each.trained.length ? each.trained.map((one, i) => [i ? h('br') : null, training(one)]) : '–',
    h('span', { class: 'mono', title: each.prefix }, shortName(each.fingerprint, 16)),
  ]);
  return {
    data: use,
    body: card(
      many(use.sets.length, 'version').replace('version', 'data set version'),
      rows.length
        ? [
            scrolled(['Version', 'Written by', 'When', 'Rows', 'Labels in it', 'What they cost', 'Models trained on it', 'Fingerprint'], rows, 'Data set versions'),
            hint('A label is in each version since it came, so what versions cost does not add up: the newest one has nearly all of them. Where several people agree on an item, each of their labels is in it.'),
          ]
        : none('No data set was written yet.'),
    ),
  };
}

/** @param {any} one */
const training = (one) => [
  h('a', { href: pageOf(one.experiment, one.run), class: 'whole' }, shortName(one.experiment, 30)),
  one.model?.name && one.model?.version
    ? [' → ', h('a', { href: pageOfModel(one.model.name, one.model.version), class: 'whole' }, `${shortName(one.model.name, 24)} ${one.model.version}`)]
    : h('span', { class: 'muted whole' }, ` ${String(one.outcome).toLowerCase()}`),
];

/** @param {any} context @returns {Promise<Made>} */
export async function takenCard(context) {
  const { right } = await context.get('ledger');
  const rows = [...right.taken].reverse().map((each) => [
    h('span', { class: 'whole' }, roundName(each.round)),
    each.models.map((name) => shortName(name, 24)).join(' and '),
    each.threshold === null ? 'none was found' : number(each.threshold),
    share(each.promised),
    number(each.taken),
    each.judged.of ? interval(each.judged) : '–',
    number(each.judged.of),
    each.judged.of ? share(1 - each.highest_wrong) : '–',
    each.failed ? h('span', { class: 'badge bad' }, '✕ broken') : each.judged.of ? h('span', { class: 'badge good' }, '● not broken') : h('span', { class: 'muted' }, 'nothing judged yet'),
    each.back ? told(`${number(each.back)} taken back: ${each.why_back}`) : '–',
  ]);
  return {
    data: right.taken,
    body: card(
      'Labels that models gave',
      rows.length
        ? [
            scrolled(['Found in', 'Models', 'Threshold', 'Promised', 'Taken', 'Right', 'Judged', 'Right at least', 'Promise', 'Taken back'], rows, 'Labels that models gave'),
            hint('People judge a random part of what models take. “Right at least” may be looked at after every label: it is too high with a chance of 5 % at most, over all looks together.'),
          ]
        : none('Models have labelled nothing by themselves.'),
      right.imported.of ? hint(`Labels that came with the data: ${interval(right.imported)} of ${number(right.imported.of)} are what people say too.`) : null,
    ),
  };
}

/** @param {any} context @returns {Promise<Made>} */
export async function agreementCard(context) {
  const { right } = await context.get('ledger');
  const rows = right.kappas.map((each) => [each.authors.map((name) => shortName(name, 24)).join(' and '), coefficient(each), share(each.observed), number(each.items)]);
  return {
    data: [right.alpha, right.kappas, right.single, right.several],
    body: card(
      'Agreement of people',
      h('p', {}, `${many(right.single, 'item')} labelled by one person alone: nobody else says whether they are right. ${many(right.several, 'item')} labelled by more: Krippendorff’s alpha is ${coefficient(right.alpha)}.`),
      rows.length ? [scrolled(['Who', 'Cohen’s kappa', 'The same label', 'Items'], rows, 'Agreement of each two people'), hint('1 is perfect agreement, 0 is what accident gives.')] : null,
    ),
  };
}

/** @param {any} context @param {{allowed: boolean, reason: string}} allowed @returns {Promise<Made>} */
export async function casesCard(context, allowed) {
  const data = await context.get('cases');
  const rows = [...data.rounds].reverse().map((each) => [roundName(each.round), number(each.open), number(each.fixed), number(each.regressed)]);
  return {
    data: [data, allowed],
    body: card(
      'Bad cases',
      data.total
        ? [
            h('p', {}, `${many(data.counts.open, 'item')} open, ${number(data.counts.fixed)} fixed, ${number(data.counts.regressed)} regressed: items of known label that a round’s model was wrong on.`),
            scrolled(['Round', 'Opened', 'Fixed', 'Regressed'], rows, 'Bad cases by round'),
            rowsOf(context, allowed, 'cases/rows', 'cases', 'The cases, with their items', ['Item', 'State', 'Label', 'What became of it'], (each) => [
              content(each),
              each.state,
              each.label ?? '–',
              each.moves.map((move) => `${move.state} in round ${move.round}`).join(', '),
            ]),
          ]
        : none('No model was wrong on an item whose label is known.'),
    ),
  };
}

/** @param {any} context @param {{allowed: boolean, reason: string}} allowed @returns {Promise<Made>} */
export async function suspectsCard(context, allowed) {
  const { right } = await context.get('ledger');
  const again = right.confirmed.of ? ` Of ${many(right.confirmed.of, 'suspected label')} that people looked at again, ${share(1 - right.confirmed.value)} were changed (${share(1 - right.confirmed.high)} to ${share(1 - right.confirmed.low)}).` : '';
  return {
    data: [right.suspects, right.confirmed, allowed],
    body: card(
      'Labels that are probably wrong',
      h('p', {}, `${many(right.suspects, 'label')} suspected by the newest round’s models, which had not learned from them.${again}`),
      right.suspects
        ? rowsOf(context, allowed, 'suspects', 'suspects', 'The suspects, with their items', ['Item', 'Label', 'Rather', 'Wrong with', 'By', ''], (each) => [
            content(each),
            each.label ?? '–',
            each.suggested ?? '–',
            share(each.wrong),
            each.author || '–',
            each.again ? 'goes back to people' : '',
          ])
        : null,
    ),
  };
}

/** What an item says, in one line. @param {any} each */
const content = (each) =>
  each.content === null
    ? h('span', { class: 'muted' }, 'can’t be read')
    : h('div', { class: 'told', title: each.item }, Object.entries(each.content).map(([name, value], i, all) => [i ? h('br') : null, all.length > 1 ? h('span', { class: 'muted' }, `${shortName(name, 24)}: `) : null, shortName(setting(value), 300)]));

/** Rows of data, asked for when somebody wants to see them: in a closed environment each look is recorded. */
function rowsOf(context, allowed, part, key, title, head, cells) {
  if (!allowed.allowed) return none(`Items are not shown to you: ${allowed.reason}.`);
  const place = h('div', {}, none('Loading …'));
  let asked = false;
  return h(
    'details',
    {
      class: 'fold',
      ontoggle: async (event) => {
        if (asked || !event.target.open) return;
        asked = true;
        try {
          const found = await context.get(part, { limit: MOST });
          fill(place, scrolled(head, found[key].map(cells), title), found.matched > found[key].length ? none(`The first ${found[key].length} of ${number(found.matched)}; the REST API has all.`) : null);
        } catch (error) {
          asked = false;
          explain(place, error);
        }
      },
    },
    h('summary', {}, title),
    place,
  );
}
