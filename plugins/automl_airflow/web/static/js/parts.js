// Small parts of several pages.

import { h } from './dom.js';

/** Path of pages below the base. @param {string} experiment @param {string} [run] @param {string | number} [trial] */
export function pageOf(experiment, run, trial) {
  let path = `experiments/${encodeURIComponent(experiment)}`;
  if (run !== undefined) path += `/runs/${encodeURIComponent(run)}`;
  if (trial !== undefined) path += `/trials/${trial}`;
  return path;
}

/** Path of a model's pages below the base. @param {string} model @param {number} [version] */
export const pageOfModel = (model, version) =>
  `models/${encodeURIComponent(model)}${version === undefined ? '' : `/versions/${version}`}`;

/** Path of an annotation project's pages below the base. @param {string} name @param {'label' | 'ledger'} [part] */
export const pageOfAnnotation = (name, part) => `annotations/${encodeURIComponent(name)}${part ? `/${part}` : ''}`;

/** Where this page stands; the last one is the page itself. @param {Array<[string, string | null]>} steps label, path */
export function crumbs(steps) {
  return h(
    'nav',
    { class: 'crumbs', 'aria-label': 'Breadcrumbs' },
    h(
      'ol',
      {},
      steps.map(([label, path], i) =>
        h(
          'li',
          {},
          path === null
            ? h('span', { 'aria-current': i === steps.length - 1 ? 'page' : null }, label)
            : h('a', { href: path }, label),
        ),
      ),
    ),
  );
}

/**
 * Names and values side by side. What has no value has no place: on a phone each takes one from what follows.
 *
 * @param {Array<[string, import('./dom.js').Child, import('./dom.js').Child?]>} rows
 * @param {boolean} [moving] values come and go: each keeps its place, or the page would jump
 */
export function figures(rows, moving = false) {
  const told = rows.filter(([, value, small]) => moving || (value !== '–' && value !== '') || small);
  return h(
    'dl',
    { class: 'figures' },
    told.map(([name, value, small]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value, small ? h('small', {}, small) : null)),
    ),
  );
}

/** A bar of how much is done. @param {number} fraction @param {string} label */
export const bar = (fraction, label) =>
  h('progress', { max: 1, value: Math.min(1, fraction ?? 0), 'aria-label': label });

/** A button that says why it can't be used. @param {string} label @param {boolean} allowed @param {string | undefined} why @param {() => void} run @param {string} [kind] */
export function actButton(label, allowed, why, run, kind) {
  return h(
    'button',
    {
      type: 'button',
      class: kind,
      'aria-disabled': allowed ? null : 'true',
      title: allowed ? null : why,
      'aria-label': allowed ? null : `${label}: not possible, ${why ?? 'not now'}`,
      onclick: () => (allowed ? run() : undefined),
    },
    label,
  );
}

/**
 * Tabs as the ARIA practices have them: arrows move between them, and the address keeps which is open.
 *
 * @param {Array<{id: string, label: string, make: () => HTMLElement}>} tabs made when first opened
 * @param {string} label
 */
export function tabs(tabs, label) {
  const bodies = tabs.map((each) =>
    h('div', {
      role: 'tabpanel',
      id: `panel-${each.id}`,
      'aria-labelledby': `tab-${each.id}`,
      hidden: true,
      tabindex: 0,
    }),
  );
  const heads = tabs.map((each, i) =>
    h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${each.id}`,
        'aria-controls': `panel-${each.id}`,
        onclick: () => open(i, true),
      },
      each.label,
    ),
  );
  const made = new Set();
  /** @param {number} index @param {boolean} keep */
  function open(index, keep) {
    heads.forEach((head, i) => {
      head.setAttribute('aria-selected', String(i === index));
      head.tabIndex = i === index ? 0 : -1;
      bodies[i].hidden = i !== index;
    });
    if (!made.has(index)) {
      made.add(index);
      bodies[index].append(tabs[index].make());
    }
    if (keep) history.replaceState(null, '', `${location.pathname}${location.search}#${tabs[index].id}`);
  }
  const list = h(
    'div',
    {
      role: 'tablist',
      'aria-label': label,
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const now = heads.indexOf(/** @type {HTMLElement} */ (document.activeElement));
        const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: heads.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        const next = (to + heads.length) % heads.length;
        heads[next].focus();
        open(next, true);
      },
    },
    heads,
  );
  const named = () => tabs.findIndex((each) => `#${each.id}` === location.hash);
  window.addEventListener('hashchange', () => named() >= 0 && open(named(), false));
  return { element: h('div', {}, list, bodies), start: () => open(Math.max(0, named()), false) };
}
