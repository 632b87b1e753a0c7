// What people do to experiments: each asks first, and says what came of it.

import { act, experimentPath, get } from './api.js';
import { ask, toast } from './dialog.js';
import { field, h } from './dom.js';
import { changes, limitFields, searchFields } from './edit-form.js';
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
export async function clone(run, overview) {
  const { settings } = await get(experimentPath(run.experiment));
  const text = 'A new run with the settings of this one, and what you change here.';
  // against the file: what was edited while the run went on stands in no conf that Airflow has of it
  await start(`Clone ${run.run}`, `${run.path}/clone`, overview, settings ?? overview, text);
}

/** Starts a run of an experiment. @param {string} experiment @param {string} path of the experiment in the API @param {any} settings of its file, null where they can't be read */
export const startRun = (experiment, path, settings) =>
  start(
    `Start ${experiment}`,
    `${path}/runs`,
    settings,
    settings,
    'A new run with the settings of the file, and what you change here.',
  );

/** @param {string} title @param {string} path @param {any} shown what the fields hold @param {any} base what the run has without them @param {string} text */
async function start(title, path, shown, base, text) {
  const conf = h('textarea', { name: 'conf', rows: 4, class: 'mono', placeholder: '{"trials": {"timeout": "10m"}}' });
  /** @type {any} */
  let started;
  const done = await ask({
    title,
    verb: 'Start',
    wide: true,
    body: [
      h('p', {}, text),
      shown ? [searchFields(shown, get('algorithms')), limitFields(shown)] : null,
      h(
        'details',
        { open: !shown },
        h('summary', {}, 'Further settings (JSON)'),
        field('Settings', conf, 'Groups as in the experiment file.'),
      ),
    ],
    run: async (form) => {
      started = await act('POST', path, { conf: merged(shown ? changes(form, base, shown) : {}, jsonOf(form)) });
    },
  });
  if (!done || !started) return;
  if (started.paused) toast('The DAG is paused in Airflow: the run starts when somebody unpauses it.');
  location.assign(pageOf(started.experiment, started.run));
}

/** The second over the first, group by group. @param {Record<string, any>} fields @param {Record<string, any>} more */
function merged(fields, more) {
  const both = { ...fields };
  for (const [key, value] of Object.entries(more)) {
    const plain = value !== null && typeof value === 'object' && !Array.isArray(value);
    both[key] = plain ? { ...both[key], ...value } : value;
  }
  return both;
}

/** @param {HTMLFormElement} form @returns {Record<string, any>} */
function jsonOf(form) {
  const text = String(new FormData(form).get('conf') ?? '').trim();
  if (!text) return {};
  let conf;
  try {
    conf = JSON.parse(text);
  } catch (error) {
    throw new Error(`Further settings are no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (conf === null || typeof conf !== 'object' || Array.isArray(conf))
    throw new Error('Further settings must be a JSON object, such as {"stop": {"target": 0.99}}.');
  return conf;
}
