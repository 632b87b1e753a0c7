// An experiment file on its way: saved, read by Airflow, its first run begun.

import { act, experimentPath, get } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';

/** Saves, and asks before anything is overwritten. @param {string} text @param {boolean} replace @param {string} name */
export async function put(text, replace, name) {
  try {
    return (await act('POST', 'experiments', { text, replace })).experiment;
  } catch (error) {
    if (!(error instanceof Error) || /** @type {any} */ (error).status !== 409 || replace) throw error;
    let stored = null;
    await ask({
      title: `Replace ${name}?`,
      body: h('p', {}, error.message),
      verb: 'Replace the file',
      danger: true,
      run: async () => {
        stored = (await act('POST', 'experiments', { text, replace: true })).experiment;
      },
    });
    return stored;
  }
}

/** Waits until Airflow has read a file. @param {string} name */
export async function ready(name) {
  for (let tries = 0; tries < 120; tries += 1) {
    const { state, error } = await get(`${experimentPath(name)}/readiness`);
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
