// What people see of an item. Whatever stands in it becomes text, never markup and never an address that is loaded.

import { h } from './dom.js';

/**
 * @param {Record<string, any>} content column → value
 * @param {string | null} kind of item: of a text the first column is what people read
 * @returns {HTMLElement[]}
 */
export function contentOf(content, kind) {
  const columns = Object.entries(content);
  const first = columns[0]?.[1];
  const read = typeof first === 'string' && (columns.length === 1 || kind === 'text') ? [textOf(first, 'annotate-text')] : [];
  const rest = columns.slice(read.length);
  if (!rest.length) return read;
  const rows = rest.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, valueOf(value))));
  return [...read, h('dl', { class: 'annotate-row' }, rows)];
}

/** One value. @param {any} value */
function valueOf(value) {
  if (value === null || value === undefined) return h('span', { class: 'muted' }, 'none');
  if (value === '') return h('span', { class: 'muted' }, 'empty');
  return typeof value === 'string' ? textOf(value, 'annotate-value') : String(value);
}

/** A text in its own direction, with its lines. @param {string} text @param {string} kind */
const textOf = (text, kind) => h('p', { class: kind, dir: 'auto' }, text === '' ? h('span', { class: 'muted' }, 'empty') : text);

/** A content in one line, for lists. @param {Record<string, any> | null} content @param {number} [most] */
export function briefly(content, most = 160) {
  if (!content) return '–';
  const columns = Object.entries(content);
  const text = columns.length === 1 ? String(columns[0][1]) : columns.map(([name, value]) => `${name}: ${value ?? 'none'}`).join(', ');
  const letters = [...text.replace(/\s+/g, ' ')];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : letters.join('');
}
