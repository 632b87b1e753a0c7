// Parts of the pages of annotation projects.

import { h } from './dom.js';
import { briefTime, many, number, percent, time } from './format.js';
import { bar } from './parts.js';

/** Words for the states of items, with a shape each. */
export const ITEM_STATES = {
  NEW: { label: 'New', glyph: '◇', tone: 'idle', hint: 'nobody has labelled it, and nobody was asked' },
  TAKEN: { label: 'Taken', glyph: '◆', tone: 'busy', hint: 'two models agree on its label' },
  SENT: { label: 'With people', glyph: '▶', tone: 'early', hint: 'people are asked for its label' },
  LABELLED: { label: 'Labelled', glyph: '●', tone: 'good', hint: 'it has a label' },
  TRAINED: { label: 'In training', glyph: '★', tone: 'good', hint: 'its label is in a training set' },
  RETIRED: { label: 'Retired', glyph: '■', tone: 'ended', hint: 'it is not used any more' },
};

/** A state of an item. @param {string} state */
export function itemBadge(state) {
  const look = ITEM_STATES[state] ?? { label: state, glyph: '○', tone: 'idle', hint: '' };
  return h('span', { class: `badge ${look.tone}`, title: look.hint, 'data-state': state }, h('span', { 'aria-hidden': 'true' }, look.glyph), ` ${look.label}`);
}

/** How much of the open batch is done. @param {any} project */
export function progressLine(project) {
  const batch = project.batch;
  if (!batch) return h('p', { class: 'muted annotate-progress' }, project.stopped ? 'Ended' : 'No batch is open');
  const done = batch.items - batch.open;
  const mine = project.me ? `, ${number(project.me.labelled)} by you` : '';
  const left = `${number(done)} of ${number(batch.items)} done${mine}`;
  return h('div', { class: 'annotate-progress' }, bar(batch.items ? done / batch.items : 0, `Batch ${batch.number}: ${left}`), h('span', { class: 'hint' }, `Batch ${batch.number}: ${left}${batch.until ? `, wanted by ${briefTime(batch.until)}` : ''}`));
}

/** Who has which tasks, and what everybody has done in the open batch. @param {any} project */
export function peopleCard(project) {
  const people = project.people;
  return h(
    'section',
    { class: 'card annotate-people', 'aria-label': 'People' },
    h('h2', {}, 'People'),
    people.length
      ? h(
          'table',
          {},
          h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Who'), h('th', { scope: 'col', class: 'number' }, 'Has'), h('th', { scope: 'col', class: 'number' }, 'Labelled'))),
          h(
            'tbody',
            {},
            people.map((each) =>
              h(
                'tr',
                {},
                h('td', {}, each.name, each.name === project.me?.name ? h('span', { class: 'muted' }, ' (you)') : null),
                h('td', { class: 'number', title: each.until ? `given back at ${time(each.until)} where they are not answered` : null }, each.tasks ? many(each.tasks, 'item') : '–'),
                h('td', { class: 'number', title: each.last ? `the last at ${time(each.last)}` : null }, number(each.labelled)),
              ),
            ),
          ),
        )
      : h('p', { class: 'muted' }, 'Nobody has labelled here yet.'),
  );
}

/** A share of what is done, in words. @param {any} entry of the list */
export const doneOf = (entry) => {
  const batch = entry.batch;
  return batch?.items ? `${number(batch.items - batch.open)} of ${number(batch.items)} (${percent((batch.items - batch.open) / batch.items)})` : '–';
};
