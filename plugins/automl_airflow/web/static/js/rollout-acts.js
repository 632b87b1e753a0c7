// What people do to a rollout. Each act names what was on the page: where it stands elsewhere by now, it is refused.

import { act, modelPath } from './api.js';
import { ask } from './dialog.js';
import { field, h } from './dom.js';
import { given, share } from './rollout-words.js';

const reason = (hint) => field('Why', h('textarea', { name: 'why', rows: 2, maxlength: 2000 }), hint);

/** @param {HTMLFormElement} form */
const why = (form) => String(new FormData(form).get('why') ?? '').trim();

/** @param {string} model @param {string} verb of the route @param {any} rollout as it was seen @param {Record<string, any>} more */
const send = async (model, verb, rollout, more) =>
  (await act('POST', `${modelPath(model)}/rollout/${verb}`, { rollout: rollout.id, step: rollout.step, ...more })).text;

/** Takes it back at once: the one thing that must not take long. @param {string} model @param {any} rollout */
export function takeBackNow(model, rollout) {
  const { version, champion } = rollout;
  const answers = champion === null ? 'nothing answers' : `version ${champion} answers all requests`;
  return ask({
    title: `Take version ${version} of ${model} back now?`,
    body: [
      h('p', {}, `It has ${share(given(rollout))} of the requests. From now on ${answers}; servers follow within a second or two.`),
      h('p', { class: 'hint' }, 'It can be rolled out again once it was evaluated again.'),
      reason('May be left empty. Stands in the history with your name.'),
    ],
    verb: 'Take back now',
    danger: true,
    run: async (form) =>
      (await act('POST', `${modelPath(model)}/take-back`, { version, why: why(form) || 'by hand, from the rollout’s page' })).text,
  });
}

/** Another step, without waiting. @param {string} model @param {any} rollout */
export function otherStep(model, rollout) {
  const { version, steps, step } = rollout;
  const told = (each, i) => `step ${i + 1}: ${each.shadow ? `shadow of ${share(each.share)}` : share(each.share)}`;
  const choices = h(
    'select',
    { name: 'to' },
    steps.map((each, i) => (i === step ? null : h('option', { value: i, selected: i === step + 1 }, told(each, i)))),
  );
  return ask({
    title: `Another step for version ${version} of ${model}?`,
    body: [
      h('p', {}, `It is in ${told(steps[step], step)}. The other step begins at once, whatever its tests still wait for; safeguards go on.`),
      field('To', choices, 'A smaller share gives customers back whom the larger one took, and the same ones come with it again.'),
      reason('Stands in the history with your name.'),
    ],
    verb: 'Move',
    run: (form) => send(model, 'step', rollout, { to: Number(new FormData(form).get('to')), why: why(form) }),
  });
}

/** @param {string} model @param {any} rollout */
export const hold = (model, rollout) =>
  ask({
    title: `Hold version ${rollout.version} of ${model} at ${share(rollout.share)}?`,
    body: [
      h('p', {}, 'It stays in this step until it is released. Its safeguards go on: what is worse is taken back.'),
      reason('Stands in the history with your name.'),
    ],
    verb: 'Hold',
    run: (form) => send(model, 'hold', rollout, { why: why(form) }),
  });

/** @param {string} model @param {any} rollout */
export const release = (model, rollout) =>
  ask({
    title: `Release version ${rollout.version} of ${model}?`,
    body: [h('p', {}, 'It goes on by itself from here: to its next step once this one has lasted and its tests allow it.'), reason('Stands in the history with your name.')],
    verb: 'Release',
    run: (form) => send(model, 'release', rollout, { why: why(form) }),
  });

/** Ends it well at once. @param {string} model @param {any} rollout */
export const promote = (model, rollout) =>
  ask({
    title: `Put version ${rollout.version} of ${model} in use now?`,
    body: [
      h('p', {}, `It answers all requests from now on, whatever its tests still wait for, and version ${rollout.champion} is replaced. The rollout is over: its safeguards are, too.`),
      reason('Stands in the history with your name.'),
    ],
    verb: 'Put in use',
    run: (form) => send(model, 'promote', rollout, { why: why(form) }),
  });
