// The rollouts of a model as a table: which version beside which, how far it came, what became of it.

import { h } from './dom.js';
import { duration, many, time } from './format.js';
import { scrolled, told } from './model-lists.js';
import { by } from './model-words.js';
import { pageOfModel } from './parts.js';
import { given, share, standing } from './rollout-words.js';

const MOST = 200;

/** @param {string} model @param {any} context @returns {Promise<import('./model-lists.js').Made>} */
export async function rolloutsCard(model, context) {
  const data = await context.get('rollouts', { limit: MOST });
  const rows = data.rollouts.map((each) => [
    h('a', { href: `${pageOfModel(model)}?rollout=${each.id}`, class: 'whole', 'data-key': `rollout-${each.id}` }, `rollout ${each.id}`),
    h('span', { class: 'whole' }, standing(each)),
    h('a', { href: pageOfModel(model, each.version), class: 'whole', 'data-key': `rollout-version-${each.id}` }, `version ${each.version}`),
    h('span', { class: 'whole' }, `version ${each.champion}`),
    each.kind === 'ab' ? `compared at ${share(each.steps.at(-1).share)}` : each.steps.map((step) => (step.shadow ? `shadow ${share(step.share)}` : share(step.share))).join(', '),
    share(given(each)),
    h('span', { class: 'whole' }, time(each.begun)),
    by(each.by),
    each.ended ? duration(each.ended - each.begun) : 'goes on',
    told(each.why),
  ]);
  return {
    data,
    body: h(
      'section',
      { class: 'card' },
      h('h2', {}, data.matched ? many(data.matched, 'rollout') : 'Rollouts'),
      rows.length
        ? scrolled(['Rollout', 'State', 'Of', 'Beside', 'Steps', 'Share', 'Begun', 'By', 'Took', 'Why'], rows, 'Rollouts')
        : h('p', { class: 'muted' }, 'No version was rolled out yet: that begins when one is accepted while another is in use.'),
      data.matched > rows.length ? h('p', { class: 'muted' }, `The newest ${rows.length} of ${data.matched}; the REST API has all.`) : null,
    ),
  };
}
