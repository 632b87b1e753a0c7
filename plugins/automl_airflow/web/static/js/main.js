// From the address to its page. Pages are documents of their own: the back button, Airflow's address bar and
// screen readers know of every change without help.

import { annotationPath, ApiError, get, modelPath } from './api.js';
import { fill, h } from './dom.js';
import { duration } from './format.js';
import { pageOfAnnotation, pageOfModel } from './parts.js';

/** @typedef {(main: HTMLElement, parts: string[], query: URLSearchParams) => Promise<void>} Page */

/** Path below the pages' root → module of the page; captured parts are its arguments. */
const ROUTES = [
  [/^(?:experiments\/?)?$/, 'experiments'],
  [/^new$/, 'new'],
  [/^compare$/, 'compare'],
  [/^housekeeping$/, 'housekeeping'],
  [/^annotations\/?$/, 'annotations'],
  [/^annotations\/([^/]+)\/?$/, 'annotation'],
  [/^annotations\/([^/]+)\/label$/, 'annotate'],
  [/^annotations\/([^/]+)\/ledger$/, 'annotation-ledger'],
  [/^models\/?$/, 'models'],
  [/^models\/([^/]+)\/?$/, 'model'],
  [/^models\/([^/]+)\/versions\/(\d+)$/, 'version'],
  [/^experiments\/([^/]+)\/?$/, 'experiment'],
  [/^experiments\/([^/]+)\/runs\/([^/]+)\/?$/, 'run'],
  [/^experiments\/([^/]+)\/runs\/([^/]+)\/trials\/?$/, 'trials'],
  [/^experiments\/([^/]+)\/runs\/([^/]+)\/trials\/(\d+)$/, 'trial'],
  [/^experiments\/([^/]+)\/runs\/([^/]+)\/tasks\/([^/]+)\/(-?\d+)$/, 'task'],
];

async function show() {
  const main = /** @type {HTMLElement} */ (document.getElementById('main'));
  document.getElementById('skip')?.addEventListener('click', (event) => {
    event.preventDefault(); // a fragment would be looked for in the base address
    main.focus();
  });
  const root = new URL(document.baseURI).pathname;
  const path = location.pathname.startsWith(root) ? location.pathname.slice(root.length) : '';
  for (const link of document.querySelectorAll('nav a:not(.brand)')) {
    if (/** @type {HTMLAnchorElement} */ (link).pathname === location.pathname)
      link.setAttribute('aria-current', 'page');
  }
  try {
    for (const [pattern, name] of ROUTES) {
      const found = path.match(pattern);
      if (!found) continue;
      /** @type {{show: Page}} */
      const page = await import(`./pages/${name}.js`);
      await page.show(main, found.slice(1).map(decodeURIComponent), new URLSearchParams(location.search));
      main.removeAttribute('aria-busy');
      return;
    }
    throw new ApiError(404, 'There is no such page.');
  } catch (error) {
    if ((await leadsToModel(path, error)) || (await leadsToAnnotation(path, error))) return;
    fail(main, error);
  }
}

/**
 * Airflow has a tab of ours on every DAG, those of models among them: such an address leads to the model's page.
 *
 * @param {string} path @param {unknown} error why there is no such experiment
 */
async function leadsToModel(path, error) {
  const found = path.match(/^experiments\/([^/]+)\.(?:rollout|score|watch)(?:\/runs\/version_(\d+)[^/]*)?(?:\/|$)/);
  if (!found || !(error instanceof ApiError) || error.status !== 404) return false;
  const model = decodeURIComponent(found[1]);
  try {
    await get(modelPath(model));
  } catch {
    return false;
  }
  location.replace(pageOfModel(model, found[2] ? Number(found[2]) : undefined));
  return true;
}

/**
 * The same for the DAGs of annotation projects.
 *
 * @param {string} path @param {unknown} error why there is no such experiment
 */
async function leadsToAnnotation(path, error) {
  const found = path.match(/^experiments\/([^/]+)\.annotation(?:\/|$)/);
  if (!found || !(error instanceof ApiError) || error.status !== 404) return false;
  const name = decodeURIComponent(found[1]);
  try {
    await get(annotationPath(name));
  } catch {
    return false;
  }
  location.replace(pageOfAnnotation(name));
  return true;
}

/** @param {HTMLElement} main @param {unknown} error */
function fail(main, error) {
  const status = error instanceof ApiError ? error.status : 0;
  const text = error instanceof Error ? error.message : String(error);
  const of = location.pathname.match(/\/experiments\/([^/]+)/);
  const title = status === 404 ? 'Nothing to show' : status === 403 ? 'Not allowed' : 'This page could not be shown';
  fill(
    main,
    h('h1', {}, title),
    h('p', { role: 'alert' }, text),
    status === 404 && text.endsWith('is no AutoML experiment')
      ? h('p', { class: 'muted' }, 'Only DAGs that AutoML makes from experiment files have experiments to look at.')
      : null,
    h(
      'p',
      { class: 'row' },
      status === 404 && of && location.pathname.includes('/runs/')
        ? h('a', { href: `experiments/${of[1]}` }, `Runs of ${decodeURIComponent(of[1])}`)
        : null,
      location.pathname.includes('/annotations/') ? h('a', { href: 'annotations' }, 'All annotation projects') : null,
      location.pathname.includes('/models/') ? h('a', { href: 'models' }, 'All models') : null,
      h('a', { href: './' }, 'All experiments'),
    ),
  );
  main.removeAttribute('aria-busy');
  if (!(error instanceof ApiError)) throw error; // for the console: a fault of these pages
}

/** Says above the page how old it is, for as long as the model storage does not answer. */
function showAge() {
  const line = h('p', { class: 'notice', role: 'status', id: 'age' });
  line.hidden = true;
  document.getElementById('main')?.before(line);
  document.addEventListener('automl:age', (event) => {
    const found = /** @type {CustomEvent} */ (event).detail;
    const text = found ? `This is how it stood ${duration(found.age)} ago: ${found.reason}.` : '';
    if (line.textContent !== text) line.textContent = text; // else screen readers read it again
    line.hidden = !found;
  });
}

showAge();
show();
