// A small window of choices below a button. It closes when something else is chosen, and with Escape.

import { h } from './dom.js';

/**
 * @param {string} label on the button
 * @param {import('./dom.js').Child} body
 * @param {() => void} [opened]
 */
export function menu(label, body, opened = () => {}) {
  const element = /** @type {HTMLDetailsElement} */ (
    h('details', { class: 'menu' }, h('summary', { class: 'button' }, label), h('div', { class: 'choices' }, body))
  );
  element.addEventListener('toggle', () => element.open && opened());
  document.addEventListener('pointerdown', (event) => {
    if (element.open && !element.contains(/** @type {Node} */ (event.target))) element.open = false;
  });
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !element.open) return;
    element.open = false;
    element.querySelector('summary')?.focus();
  });
  return element;
}
