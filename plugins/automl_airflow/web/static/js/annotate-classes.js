// The classes to choose from, each with its key and its hint; where there are many, with a box to look for one.

import { fill, h } from './dom.js';

/** From so many classes on there is a box to look for one. */
const MANY = 12;

/**
 * @param {any} project
 * @param {(label: string) => void} choose
 * @param {() => void} leave the box was left
 */
export function classList(project, choose, leave) {
  /** @type {Map<string, string>} key → class */
  const named = new Map(Object.entries(project.keyboard));
  const keys = new Map([...named].map(([key, label]) => [label, key]));
  const hints = new Map(Object.entries(project.hints)); // a class may be called 'constructor'
  const buttons = project.classes.map((label) => {
    const key = keys.get(label) ?? '';
    return h(
      'button',
      {
        type: 'button',
        class: 'annotate-class',
        'aria-keyshortcuts': key || null,
        'aria-pressed': 'false',
        onclick: () => choose(label),
      },
      key ? h('kbd', { 'aria-hidden': 'true' }, key) : null,
      h('span', {}, h('strong', {}, label), hints.has(label) ? h('span', { class: 'hint' }, hints.get(label)) : null),
    );
  });
  const grid = h('div', { class: 'annotate-classes', role: 'group', 'aria-label': 'Classes' }, buttons);
  const found = h('span', { class: 'hint', role: 'status' });
  const words = (/** @type {string} */ text) => text.trim().toLocaleLowerCase();

  /** @param {string} wanted @returns {string[]} classes whose name or hint has the words, the best first */
  function matching(wanted) {
    const rank = (/** @type {string} */ label) => (label.toLocaleLowerCase().startsWith(wanted) ? 0 : label.toLocaleLowerCase().includes(wanted) ? 1 : 2);
    return project.classes
      .filter((label) => `${label}\n${hints.get(label) ?? ''}`.toLocaleLowerCase().includes(wanted))
      .sort((a, b) => rank(a) - rank(b));
  }
  function filter() {
    const wanted = words(box.value);
    const fits = wanted ? matching(wanted) : project.classes;
    project.classes.forEach((label, i) => (buttons[i].hidden = !fits.includes(label)));
    fill(found, wanted ? (fits.length ? `Enter chooses ${fits[0]}` : 'No class of that name') : '');
  }
  const box = /** @type {HTMLInputElement} */ (
    h('input', {
      type: 'search',
      'aria-label': 'Look for a class',
      'aria-keyshortcuts': '/',
      placeholder: 'Look for a class ( / )',
      oninput: filter,
      onkeydown: (event) => {
        if (event.key !== 'Enter' && event.key !== 'Escape') return;
        event.preventDefault();
        event.stopPropagation();
        const [label] = event.key === 'Enter' && words(box.value) ? matching(words(box.value)) : [];
        box.value = '';
        filter();
        leave();
        if (label !== undefined) choose(label);
      },
    })
  );
  const many = project.classes.length >= MANY;
  return {
    element: h('div', { class: 'stack' }, many ? h('div', { class: 'row' }, box, found) : null, grid),
    /** @param {string} key @returns {string | undefined} */
    ofKey: (key) => named.get(key),
    /** Shows which is chosen. @param {string | null} label */
    mark: (label) => project.classes.forEach((each, i) => buttons[i].setAttribute('aria-pressed', String(each === label))),
    /** Goes to the box. Returns whether there is one. */
    lookFor: () => {
      if (many) box.focus();
      return many;
    },
  };
}
