// What people do to models: each asks first, and says what came of it.

import { act, get, modelPath } from './api.js';
import { ask } from './dialog.js';
import { field, h } from './dom.js';
import { briefTime } from './format.js';

/** @param {string} hint @param {boolean} [required] @param {string} [label] */
const reason = (hint, required = false, label = 'Why') =>
  field(label, h('textarea', { name: 'why', rows: 3, maxlength: 2000, required }), hint);

/** @param {HTMLFormElement} form */
const why = (form) => String(new FormData(form).get('why') ?? '').trim();

/**
 * Answers on the evidence that is on the page: an older one that somebody has chosen there is refused, as it must be.
 * @param {string} model @param {any} version @param {boolean} accepts @param {() => string} read digest of what is on the page
 */
export function answer(model, version, accepts, read) {
  const evidence = version.verdict;
  const verb = accepts ? 'Accept' : 'Reject';
  return ask({
    title: `${verb} version ${version.version} of ${model}?`,
    body: [
      h(
        'p',
        {},
        accepts
          ? 'It is put in use by its run of the rollout, in place of the version that is in use now.'
          : 'It is not used. It can be evaluated and asked about again.',
      ),
      accepts && evidence.ok !== true
        ? h('p', { class: 'notice' }, evidence.ok === false ? 'Its evidence says that the conditions are not met.' : 'Its evidence can’t tell whether the conditions are met.')
        : null,
      read() && read() !== evidence.digest
        ? h('p', { class: 'notice' }, 'The page shows older evidence than the newest. An answer on that is refused: choose the newest one, and read it.')
        : null,
      h('p', { class: 'hint' }, `On the evidence ${(read() || evidence.digest).slice(0, 12)}. Where there is newer one by now, this is refused.`),
      reason('Stands in the history with your name.', false, 'Note'),
    ],
    verb,
    danger: !accepts,
    run: async (form) => {
      const digest = read();
      if (!digest) throw new Error('Its evidence is not on the page, so nobody can have read it: wait for it, or load the page anew.');
      const path = `${modelPath(model)}/versions/${version.version}/${verb.toLowerCase()}`;
      return (await act('POST', path, { digest, note: why(form) })).text;
    },
  });
}

/** @param {string} model @param {number} version */
export const evaluate = (model, version) =>
  ask({
    title: `Evaluate version ${version} of ${model} again?`,
    body: h('p', {}, 'A run of the rollout evaluates it on the data as they are now, and asks anew where its conditions are met. What was asked before can’t be answered any more then.'),
    verb: 'Evaluate again',
    run: async () => (await act('POST', `${modelPath(model)}/versions/${version}/evaluate`, {})).text,
  });

/**
 * Takes out of use, by default in favour of the one before.
 *
 * @param {string} model @param {number} version
 * @param {number | null} [champion] that answers all then, where the version is still being rolled out
 */
export async function takeBack(model, version, champion) {
  if (champion !== undefined) {
    return ask({
      title: `Take version ${version} of ${model} back?`,
      body: [h('p', {}, `Its rollout ends at once, and version ${champion} answers all requests.`), reason('Stands in the history with your name.', true)],
      verb: 'Take back',
      danger: true,
      run: async (form) => (await act('POST', `${modelPath(model)}/take-back`, { version, why: why(form) })).text,
    });
  }
  const [{ versions }, { rollout }] = await Promise.all([
    get(`${modelPath(model)}/versions`, { state: 'REPLACED', sort: '-in_use_since', limit: 200 }),
    get(modelPath(model)),
  ]);
  const others = versions.filter((each) => each.version !== version && each.removed === null);
  const to = h(
    'select',
    { name: 'to' },
    h('option', { value: '' }, others.length ? `the one before it (version ${others[0].version})` : 'nothing: no version was in use before'),
    others.map((each) => h('option', { value: each.version }, `version ${each.version}, in use since ${briefTime(each.in_use_since)}`)),
  );
  return ask({
    title: `Take version ${version} of ${model} back?`,
    body: [
      h('p', {}, 'It is out of use at once. What it has scored stays; each row says which version scored it.'),
      rollout ? h('p', {}, `The rollout of version ${rollout.version} is stopped: it is compared with this one, and has to be evaluated again.`) : null,
      field('In use instead', to),
      reason('Stands in the history with your name.', true),
    ],
    verb: 'Take back',
    danger: true,
    run: async (form) => {
      const chosen = String(new FormData(form).get('to') ?? '');
      const body = { version, why: why(form), to: chosen ? Number(chosen) : null };
      return (await act('POST', `${modelPath(model)}/take-back`, body)).text;
    },
  });
}

/** @param {string} model @param {number} version */
export const retire = (model, version) =>
  ask({
    title: `Retire version ${version} of ${model}?`,
    body: [h('p', {}, 'It is never used again. Its history stays.'), reason('Stands in the history with your name.', true)],
    verb: 'Retire',
    danger: true,
    run: async (form) => (await act('POST', `${modelPath(model)}/versions/${version}/retire`, { why: why(form) })).text,
  });

/** @param {string} model @param {string[]} experiments */
export const retrain = (model, experiments) =>
  ask({
    title: `Train ${model} anew?`,
    body: [
      h('p', {}, 'A run of the experiment begins; what it publishes is offered as a version.'),
      experiments.length > 1
        ? field('Experiment', h('select', { name: 'experiment' }, experiments.map((each) => h('option', { value: each }, each))))
        : null,
      reason('Stands in the run’s conf and in the history.', true),
    ],
    verb: 'Train',
    run: async (form) => {
      const experiment = String(new FormData(form).get('experiment') ?? experiments[0] ?? '') || null;
      return (await act('POST', `${modelPath(model)}/retrain`, { reason: why(form), experiment })).text;
    },
  });

/** @param {string} model @param {any} interval */
export const scoreAgain = (model, interval) =>
  ask({
    title: 'Score this interval again?',
    body: [
      h('p', {}, h('span', { class: 'mono' }, interval.key)),
      h('p', {}, 'The version that is in use now scores it, and its predictions replace those that are there.'),
      reason('Stands in the history with your name.', true),
    ],
    verb: 'Score again',
    run: async (form) => (await act('POST', `${modelPath(model)}/score`, { interval: interval.key, why: why(form) })).text,
  });

/** Offers a result to a model that is there. @param {any[]} models of `deploy` @param {{experiment: string, run: string}} run @param {() => void} write a file for a model of its own */
export function offer(models, run, write) {
  let offered = null;
  const able = models.filter((each) => each.can);
  const select = h('select', { name: 'model' }, able.map((each) => h('option', { value: each.model }, each.version ? `${each.model} (it is version ${each.version} already)` : each.model)));
  return ask({
    title: `Offer ${run.run} as a version?`,
    body: [
      h('p', {}, 'Its best model is copied, evaluated on the latest data beside the version that is in use, and people are asked before it is used.'),
      able.length ? field('Model', select) : h('p', { class: 'notice' }, 'You have not the right to start runs of any of its models.'),
      h('p', {}, h('button', { type: 'button', onclick: write }, 'Write the file of another model …')),
    ],
    verb: 'Offer',
    run: async (form) => {
      const model = String(new FormData(form).get('model') ?? '');
      if (!model) throw new Error('There is no model to offer it to.');
      const answer = await act('POST', `${modelPath(model)}/offer`, { experiment: run.experiment, run: run.run });
      offered = { model, version: answer.version };
      return answer.text;
    },
  }).then(() => offered);
}

