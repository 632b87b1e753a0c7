// What the sequential tests of a rollout say: in words, with the evidence beside what it takes to decide.

import { h } from './dom.js';
import { number } from './format.js';
import { interval } from './model-words.js';
import { counted, share, verdictOf } from './rollout-words.js';

const UNHEARD =
  'No server has been heard of yet. Tests begin with the first answers: look whether `automl serve` follows this storage, and whether requests come.';

/** @param {any} rollout @param {any} view the newest look of its guard */
export function evidenceOf(rollout, view) {
  if (!view)
    return h(
      'p',
      { class: 'muted' },
      rollout.ended
        ? 'Nobody has looked at it while it went on, so no test could say anything.'
        : 'Nobody has looked at its tests yet: the task `roll` of its run in Airflow does, about every second.',
    );
  if (!view.tests.length) return h('p', { class: 'muted' }, 'The file has no safeguard, so nothing is tested.');
  const heard = view.servers.length || rollout.ended ? null : h('p', { class: 'muted' }, UNHEARD);
  return [heard, h('div', { class: 'tests' }, view.tests.map((each) => testOf(rollout, each)))];
}

/** One test. @param {any} rollout @param {any} test */
function testOf(rollout, test) {
  const side = (name, found) => h('div', {}, h('dt', {}, name), h('dd', {}, rateOf(found), h('small', {}, counted(found))));
  return h(
    'section',
    { class: `test ${test.state}`, 'aria-label': `Test of ${test.label}` },
    h('h3', { class: 'row spread' }, h('span', {}, test.label.charAt(0).toUpperCase() + test.label.slice(1)), verdictOf(test.state)),
    h('p', {}, test.words),
    test.champion || test.challenger
      ? h(
          'dl',
          { class: 'sides' },
          side(`version ${rollout.version}`, test.challenger),
          test.champion
            ? side(`version ${rollout.champion}`, test.champion)
            : h('div', {}, h('dt', {}, 'at most'), h('dd', {}, test.limit == null ? '–' : share(test.limit), h('small', {}, 'a fixed rate: nobody is left to compare with'))),
        )
      : null,
    test.value != null && test.needed ? gauge(test.value, test.needed) : null,
    test.interval ? reach(test) : null,
  );
}

/** @param {any} side */
const rateOf = (side) => (side?.rate == null ? '–' : side.hits == null ? number(side.rate) : share(side.rate));

/** Where a ratio of evidence stands, from what speaks against a difference to what decides; every factor is as wide. @param {number} value @param {number} needed */
export const placeOf = (value, needed) => {
  if (!(value > 0)) return 0;
  return Math.min(1, Math.max(0, 0.5 + (0.5 * Math.log(value)) / Math.log(needed)));
};

/** The evidence beside what decides. @param {number} value @param {number} needed */
function gauge(value, needed) {
  const at = placeOf(value, needed);
  const words = `Evidence ${number(Number(value.toPrecision(3)))}; ${number(needed)} decide`;
  return h(
    'div',
    { class: 'gauge' },
    h(
      'div',
      { class: 'track', role: 'img', 'aria-label': `${words}; 1 says nothing.` },
      h('span', { class: 'middle' }),
      at >= 0.5
        ? h('span', { class: value >= needed ? 'fill decided' : 'fill', style: `left:50%;width:${100 * (at - 0.5)}%` })
        : h('span', { class: 'fill against', style: `left:${100 * at}%;width:${100 * (0.5 - at)}%` }),
    ),
    h('div', { class: 'row spread hint', 'aria-hidden': 'true' }, h('span', { class: 'if-room' }, 'no difference'), h('span', {}, words), h('span', { class: 'if-room' }, 'decides')),
  );
}

/** The interval of a difference beside none, and beside what is too much. @param {any} test */
function reach(test) {
  const [low, high] = test.interval;
  if (low == null || high == null) return h('p', { class: 'hint' }, 'Its difference can’t be told yet.');
  const limit = test.margin || 0;
  const span = 1.15 * Math.max(Math.abs(low), Math.abs(high), Math.abs(limit), 1e-12);
  const place = (value) => `${50 + (50 * value) / span}%`;
  const width = `${(50 * (high - low)) / span}%`;
  return h(
    'div',
    { class: 'reach' },
    h(
      'div',
      { class: 'track', role: 'img', 'aria-label': `Difference ${interval(low, high, true)}; ${number(limit)} either way matters` },
      h('span', { class: 'middle' }),
      limit ? [-limit, limit].map((each) => h('span', { class: 'limit', style: `left:${place(each)}` })) : null,
      h('span', { class: 'fill', style: `left:${place(low)};width:${width}` }),
    ),
    h('div', { class: 'row spread hint', 'aria-hidden': 'true' }, h('span', { class: 'if-room' }, 'lower'), h('span', {}, `difference ${interval(low, high, true)}`), h('span', { class: 'if-room' }, 'higher')),
  );
}
