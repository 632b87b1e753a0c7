// The templates that a new experiment may begin from, as cards.

import { get } from './api.js';
import { fill, h } from './dom.js';
import { many } from './format.js';

/** Kinds of templates as people say them. @type {Record<string, string>} */
export const KINDS = {
  classification: 'classes of a table',
  regression: 'numbers of a table',
  forecasting: 'forecasts of series',
  text: 'text',
  image: 'images',
  program: 'a program',
};

/** A place that fills itself; it stays empty where there are no templates. */
export function templateCards() {
  const place = h('section', { 'aria-label': 'Templates', id: 'templates' });
  place.hidden = true;
  get('templates').then(
    (found) => {
      if (!found.templates.length && !found.unreadable) return;
      place.hidden = false;
      fill(
        place,
        h('h2', {}, 'From a template'),
        h('p', { class: 'muted' }, 'A training that is ready: say what it learns from, and start.'),
        h('div', { class: 'cards templates' }, found.templates.map(card)),
        found.unreadable
          ? h(
              'details',
              { class: 'fold' },
              h('summary', {}, `${many(found.unreadable, 'template')} can’t be read`),
              found.problems.map((each) => h('pre', { class: 'reason' }, each)),
            )
          : null,
        h('h2', {}, 'Or a file of your own'),
      );
    },
    (error) => console.warn(error), // the editor below works without them
  );
  return place;
}

/** @param {any} each */
function card(each) {
  const address = `new?template=${encodeURIComponent(each.name)}`;
  return h(
    'a',
    { class: 'card template', href: address, 'data-template': each.name },
    h('h3', {}, each.title),
    h('p', {}, each.description || ' '),
    h(
      'p',
      { class: 'muted' },
      h('span', { class: 'tag' }, KINDS[each.kind] ?? each.kind),
      ` ${each.template}${each.versions.length > 1 ? `, ${many(each.versions.length, 'version')}` : ''}`,
    ),
  );
}
