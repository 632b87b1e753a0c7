// What narrows a list down: words that are looked for, and boxes that are ticked. Each is kept in the address.

import { h } from './dom.js';

/** Milliseconds without another letter before a list is asked for anew. */
const SETTLED = 200;

/**
 * A box for words to look for. What was typed counts once nothing more is typed for a moment.
 *
 * @param {string} what is looked for, in the plural: "models"
 * @param {string} words that stand in it at first
 * @param {(words: string) => void} look for other words than before
 * @param {string} [hint] stands in the empty box
 */
export function searchBox(what, words, look, hint = 'Search by name or description') {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let before = words;
  return h('input', {
    type: 'search',
    value: words,
    'aria-label': `Search ${what}`,
    placeholder: hint,
    size: 32,
    oninput: (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const now = event.target.value.trim();
        if (now !== before) look((before = now));
      }, SETTLED);
    },
  });
}

/**
 * A box that is ticked or not, with its words beside it.
 *
 * @param {Record<string, string>} asked what the list is asked for
 * @param {string} name of it that is written: 'true', or '' where the box is empty
 * @param {string} label
 * @param {string} title
 * @param {() => void} changed
 */
export const tickBox = (asked, name, label, title, changed) =>
  h(
    'label',
    { title },
    h('input', {
      type: 'checkbox',
      checked: asked[name] === 'true',
      onchange: (event) => {
        asked[name] = event.target.checked ? 'true' : '';
        changed();
      },
    }),
    ` ${label}`,
  );
