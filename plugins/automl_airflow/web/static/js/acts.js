// What people do to experiments: each asks first, and says what came of it.

import { act } from './api.js';
import { ask, toast } from './dialog.js';
import { field, h } from './dom.js';
import { changes, limitFields } from './edit-form.js';
import { many } from './format.js';
import { pageOf } from './parts.js';

/** @typedef {{experiment: string, run: string, path: string}} Run */

/** Ends an experiment. @param {Run} run @param {any} overview */
export function stop(run, overview) {
  const running = overview.counts.RUNNING ?? 0;
  const radio = (value, label, hint) =>
    h(
      'p',
      {},
      h(
        'label',
        {},
        h('input', { type: 'radio', name: 'running', value, checked: value === overview.limits.stop.running_trials }),
        ` ${label}`,
      ),
      h('br'),
      h('span', { class: 'hint' }, hint),
    );
  return ask({
    title: `Stop ${run.experiment}?`,
    body: [
      h('p', {}, 'No further trial starts. What has been found so far is published.'),
      h(
        'fieldset',
        {},
        h('legend', {}, `Running trials (${running})`),
        radio('drain', 'Let them finish', 'Their results count.'),
        radio('cancel', 'Cancel them', 'What they have reported is kept, what they train is lost.'),
      ),
    ],
    verb: 'Stop the experiment',
    danger: true,
    run: async (form) =>
      (await act('POST', `${run.path}/stop`, { running: new FormData(form).get('running') ?? 'drain' })).text,
  });
}

/** Ends a run that has not begun its search. @param {Run} run */
export const stopBefore = (run) =>
  ask({
    title: `Stop ${run.experiment}?`,
    body: h('p', {}, 'The run ends in Airflow before its first trial; there is nothing to publish.'),
    verb: 'Stop the run',
    danger: true,
    run: async () => (await act('POST', `${run.path}/stop`, {})).text,
  });

/** Ends one trial. @param {Run} run @param {number} number */
export const stopTrial = (run, number) =>
  ask({
    title: `Stop trial ${number}?`,
    body: h('p', {}, 'It ends at its next report. The experiment goes on with other trials.'),
    verb: 'Stop the trial',
    danger: true,
    run: async () => (await act('POST', `${run.path}/trials/${number}/stop`, {})).text,
  });

/** Has a failed trial run again. @param {Run} run @param {number} number */
export const rerunTrial = (run, number) =>
  ask({
    title: `Run trial ${number} again?`,
    body: h(
      'p',
      {},
      'Its task instance in Airflow is cleared: a new attempt at the same combination, from its checkpoint where it has one.',
    ),
    verb: 'Run again',
    run: async () => (await act('POST', `${run.path}/trials/${number}/rerun`, {})).text,
  });

/** Changes the limits of a running experiment. @param {Run} run @param {any} overview */
export const edit = (run, overview) =>
  change(run, overview, 'Edit the running experiment', 'Save the changes', 'PATCH', run.path);

/** Lets an ended experiment go on. @param {Run} run @param {any} overview */
export const extend = (run, overview) =>
  change(run, overview, 'Extend the experiment', 'Extend', 'POST', `${run.path}/extend`);

/** @param {Run} run @param {any} overview @param {string} title @param {string} verb @param {'POST' | 'PATCH'} method @param {string} path */
function change(run, overview, title, verb, method, path) {
  const form = limitFields(overview);
  return ask({
    title,
    verb,
    wide: true,
    body: [
      h('p', { class: 'muted' }, 'Only what you change is changed; it is noted in the journal with your name.'),
      form,
    ],
    run: async (element) => {
      const body = changes(element, overview);
      if (!Object.keys(body).length) throw new Error('Nothing has been changed.');
      const answer = await act(method, path, body);
      return answer.text || many(answer.changes?.length ?? 0, 'change');
    },
  });
}

/** Starts the same again as a run of its own. @param {Run} run @param {any} overview */
export const clone = (run, overview) =>
  start(
    `Clone ${run.run}`,
    `${run.path}/clone`,
    overview.limits.max_trials,
    'A new run with the settings of this one, and what you change here.',
  );

/** Starts a run of an experiment. @param {string} experiment @param {string} path of the experiment in the API */
export const startRun = (experiment, path) =>
  start(
    `Start ${experiment}`,
    `${path}/runs`,
    null,
    'A new run with the settings of the file, and what you change here.',
  );

/** @param {string} title @param {string} path @param {number | null} trials @param {string} text */
async function start(title, path, trials, text) {
  const most = h('input', { type: 'number', min: 1, name: 'max_trials', placeholder: trials ?? 'as in the file' });
  const seed = h('input', { type: 'number', name: 'seed', placeholder: 'as before' });
  const conf = h('textarea', { name: 'conf', rows: 4, class: 'mono', placeholder: '{"stop": {"target": 0.99}}' });
  /** @type {any} */
  let started;
  const done = await ask({
    title,
    verb: 'Start',
    body: [
      h('p', {}, text),
      h('div', { class: 'fields' }, field('Number of trials', most), field('Seed of the search', seed)),
      h('p', {}, field('Further settings (JSON)', conf, 'Groups as in the experiment file.')),
    ],
    run: async (form) => {
      started = await act('POST', path, { conf: confOf(form) });
    },
  });
  if (!done || !started) return;
  if (started.paused) toast('The DAG is paused in Airflow: the run starts when somebody unpauses it.');
  location.assign(pageOf(started.experiment, started.run));
}

/** @param {HTMLFormElement} form */
function confOf(form) {
  const given = new FormData(form);
  const text = String(given.get('conf') ?? '').trim();
  /** @type {Record<string, any>} */
  let conf = {};
  if (text) {
    try {
      conf = JSON.parse(text);
    } catch (error) {
      throw new Error(`Further settings are no JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (conf === null || typeof conf !== 'object' || Array.isArray(conf))
      throw new Error('Further settings must be a JSON object, such as {"stop": {"target": 0.99}}.');
  }
  const most = given.get('max_trials');
  const seed = given.get('seed');
  if (most) conf = { ...conf, trials: { ...conf.trials, max: Number(most) } };
  if (seed) conf = { ...conf, search: { ...conf.search, seed: Number(seed) } };
  return conf;
}
