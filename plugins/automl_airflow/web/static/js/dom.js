// Building elements. Text from experiments only ever becomes a text node, never markup.

/** @typedef {Node | string | number | null | undefined | false | Array<any>} Child */

/**
 * Makes an element.
 *
 * @param {string} tag name of the element
 * @param {Record<string, any>} [attributes] `class`, `onclick` and other handlers as functions, `value` and `checked`
 *   as properties; what is null, undefined or false is left out
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'selected') element[name] = value;
    else if (name === 'href') element.setAttribute('href', safeHref(String(value)));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

/** @param {Node} parent @param {Child} child */
function append(parent, child) {
  if (Array.isArray(child)) for (const each of child) append(parent, each);
  else if (child instanceof Node) parent.appendChild(child);
  else if (child !== null && child !== undefined && child !== false) {
    parent.appendChild(document.createTextNode(String(child)));
  }
}

/** Addresses lead to this origin only; anything else becomes a link to nowhere. @param {string} href */
export function safeHref(href) {
  try {
    const url = new URL(href, document.baseURI);
    return url.origin === location.origin && /^https?:$/.test(url.protocol) ? href : '#';
  } catch {
    return '#';
  }
}

/** Replaces all that an element holds. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  const fragment = document.createDocumentFragment();
  append(fragment, children);
  element.replaceChildren(fragment);
}

let count = 0;

/** An id that no other element has. @param {string} stem */
export const freshId = (stem) => `${stem}-${(count += 1)}`;

/** A label over a control, tied to it. @param {string} text @param {HTMLElement} control @param {string} [hint] */
export function field(text, control, hint) {
  control.id ||= freshId('field');
  const help = hint ? h('span', { class: 'hint', id: `${control.id}-hint` }, hint) : null;
  if (help) control.setAttribute('aria-describedby', help.id);
  return h('div', { class: 'field' }, h('label', { for: control.id }, text), control, help);
}

/**
 * A link out of these pages into Airflow's own. Airflow's frame may not navigate its window by target="_top",
 * so the click is made in Airflow's document, which is of the same origin.
 *
 * @param {string} href @param {...Child} children
 */
export function airflowLink(href, ...children) {
  const link = h('a', { href }, ...children);
  link.addEventListener('click', (event) => {
    if (window.top === window) return;
    event.preventDefault();
    const outer = window.top.document;
    const twin = outer.createElement('a');
    twin.href = new URL(safeHref(href), document.baseURI).href;
    if (event.ctrlKey || event.metaKey || event.shiftKey) twin.target = '_blank';
    outer.body.appendChild(twin);
    twin.click();
    twin.remove();
  });
  return link;
}
