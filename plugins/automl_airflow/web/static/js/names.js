// Names that people gave, of any length, where there is little room: the middle is left out, since names of parameters
// often begin and end alike only at one of the two.

import { h } from './dom.js';

/** Characters that a name may have in a table's head or on an axis. */
const MOST = 28;

/** A name with its middle left out where it is too long. @param {any} name @param {number} [most] */
export function shorten(name, most = MOST) {
  const text = String(name);
  const letters = [...text]; // never half of a letter beyond the basic plane
  if (letters.length <= most) return text;
  const end = Math.floor((most - 1) / 2);
  return `${letters.slice(0, most - 1 - end).join('')}…${letters.slice(-end).join('')}`;
}

/** The same as an element that shows the whole name when pointed at. @param {any} name @param {number} [most] */
export function shortName(name, most = MOST) {
  const text = shorten(name, most);
  return text === String(name) ? text : h('span', { class: 'short', title: String(name) }, text);
}
