// A file on its way: saved, read by Airflow, its first run begun; a model's with its first version offered.

import { act, annotationPath, experimentPath, get, modelPath } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';

/** Saves, and asks before anything is overwritten. @param {string} text @param {boolean} replace @param {string} name @param {'experiment' | 'model' | 'annotation'} [kind] */
export async function put(text, replace, name, kind = 'experiment') {
  const send = async (anyway) => (await act('POST', `${kind}s`, { text, replace: anyway }))[kind];
  try {
    return await send(replace);
  } catch (error) {
    if (!(error instanceof Error) || /** @type {any} */ (error).status !== 409 || replace) throw error;
    let stored = null;
    await ask({
      title: `Replace ${name}?`,
      body: h('p', {}, error.message),
      verb: 'Replace the file',
      danger: true,
      run: async () => {
        stored = await send(true);
      },
    });
    return stored;
  }
}

/** Waits until Airflow has read a file. @param {string} name @param {'experiment' | 'model' | 'annotation'} [kind] */
export async function ready(name, kind = 'experiment') {
  const path = { experiment: experimentPath, model: modelPath, annotation: annotationPath }[kind](name);
  for (let tries = 0; tries < 120; tries += 1) {
    const { state, error } = await get(`${path}/readiness`);
    if (state === 'ready') return;
    if (state === 'broken') throw new Error(error ?? 'Airflow can’t read the file.');
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(
    `Airflow has not read ${name} within two minutes; it is saved, and its page will say when it is there.`,
  );
}

/** Begins a run of what Airflow has read. @param {string} name @returns {Promise<{experiment: string, run: string}>} */
export const begin = (name) => act('POST', `${experimentPath(name)}/runs`, { conf: {}, run_id: null });

/** Offers a result to a model that Airflow has read. @param {string} model @param {string} experiment @param {string} run @returns {Promise<{version: number, text: string}>} */
export const offerTo = (model, experiment, run) => act('POST', `${modelPath(model)}/offer`, { experiment, run });
