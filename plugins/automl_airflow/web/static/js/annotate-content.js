// What people see of an item. Whatever stands in it becomes text, never markup and never an address that is loaded.

import { h } from './dom.js';

/**
 * @param {Record<string, any>} content column → value
 * @returns {HTMLElement}
 */
export function contentOf(content) {
  const columns = Object.entries(content);
  if (columns.length === 1 && typeof columns[0][1] === 'string') return textOf(columns[0][1], 'annotate-text');
  return h(
    'dl',
    { class: 'annotate-row' },
    columns.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, valueOf(value)))),
  );
}

/** One value. @param {any} value */
export function valueOf(value) {
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
