// Calls of the REST API (docs/rest.md).

const ROOT = new URL('api/v1/', document.baseURI).pathname;

/** A call that was refused or failed; `problems` has the details of wrong input. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {Array<any>} problems */
  constructor(status, message, problems = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

/** Path of a run in the API. @param {string} experiment @param {string} run */
export const runPath = (experiment, run) => `${experimentPath(experiment)}/runs/${encodeURIComponent(run)}`;

/** Path of an experiment in the API. @param {string} experiment */
export const experimentPath = (experiment) => `experiments/${encodeURIComponent(experiment)}`;

/** Path of a model in the API. @param {string} model */
export const modelPath = (model) => `models/${encodeURIComponent(model)}`;

/** Path of an annotation project in the API. @param {string} name */
export const annotationPath = (name) => `annotations/${encodeURIComponent(name)}`;

/** Address of a path in the API. @param {string} path */
export const apiAddress = (path) => ROOT + path;

/**
 * Reads.
 *
 * @param {string} path below the API's root
 * @param {Record<string, any>} [query] lists become several of the same name
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function get(path, query = {}, signal = undefined) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== '') parameters.append(name, String(each));
    }
  }
  const text = parameters.toString();
  const response = await reach(ROOT + path + (text ? `?${text}` : ''), { signal });
  if (response.ok && /\/runs\/|^(models|annotations)\//.test(path)) tellAge(response.headers);
  return answer(response);
}

/** Tells the page how old what it shows is, where the model storage does not answer. @param {Headers} headers */
function tellAge(headers) {
  const reason = headers.get('X-AutoML-Stale');
  const detail = reason === null ? null : { age: Number(headers.get('Age')), reason: decodeURIComponent(reason) };
  document.dispatchEvent(new CustomEvent('automl:age', { detail }));
}

/**
 * Acts.
 *
 * @param {'POST' | 'PATCH'} method
 * @param {string} path below the API's root
 * @param {any} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function act(method, path, body, signal = undefined) {
  const headers = { 'Content-Type': 'application/json', 'X-AutoML-Request': '1' };
  const done = await answer(await reach(ROOT + path, { method, headers, body: JSON.stringify(body), signal }));
  if (path !== 'validate') document.dispatchEvent(new CustomEvent('automl:acted'));
  return done;
}

/**
 * Acts, and hears what the server tells for as long as it goes on. The act ends with the page or the signal.
 *
 * @param {string} path below the API's root
 * @param {any} body
 * @param {(event: any) => void} hear
 * @param {AbortSignal} signal
 * @throws {ApiError}
 */
export async function actAndHear(path, body, hear, signal) {
  const headers = { 'Content-Type': 'application/json', 'X-AutoML-Request': '1' };
  const response = await reach(ROOT + path, { method: 'POST', headers, body: JSON.stringify(body), signal });
  if (!response.ok || !response.body) {
    await answer(response);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (waiting + value).split('\n\n');
    waiting = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('data: ')) hear(JSON.parse(part.slice(6)));
  }
}

/** @param {string} address @param {RequestInit} options */
async function reach(address, options) {
  try {
    return await fetch(address, { credentials: 'same-origin', ...options });
  } catch (error) {
    if (givenUp(error)) throw error;
    throw new ApiError(0, "Airflow's API server can't be reached.");
  }
}

/** Whether that is the end of a call which its signal has ended. @param {unknown} error */
const givenUp = (error) => error instanceof DOMException && error.name === 'AbortError';

/** @param {Response} response */
async function answer(response) {
  const body = await response.json().catch((error) => {
    if (givenUp(error)) throw error; // who gave it up in the middle of its answer hears of no answer
    return null;
  });
  if (response.ok) return body;
  if (response.status === 401)
    throw new ApiError(401, 'You are not signed in any more: sign in to Airflow and reload.');
  const detail = body?.detail;
  const text =
    typeof detail === 'string'
      ? detail
      : Array.isArray(detail)
        ? detail.map((each) => each.msg ?? String(each)).join('; ')
        : `The API answered ${response.status}.`;
  throw new ApiError(response.status, text, body?.problems ?? []);
}
