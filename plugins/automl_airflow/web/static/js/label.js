// Names, tags and comments that people give to runs and trials.

import { act } from './api.js';
import { ask } from './dialog.js';
import { field, h } from './dom.js';
import { time } from './format.js';

/** @typedef {{name: string, tags: string[], comment: string, by?: string | null, time?: number | null}} Label */

/** Tags as chips. @param {string[]} tags */
export const tagChips = (tags) =>
  tags.length
    ? h(
        'span',
        { class: 'tags' },
        tags.map((each) => h('span', { class: 'tag' }, each)),
      )
    : null;

/** What was written, where something was. @param {Label} label */
export function written(label) {
  if (!label.name && !label.tags.length && !label.comment) return null;
  return h(
    'div',
    { class: 'written' },
    h('div', { class: 'row' }, label.name ? h('strong', { class: 'name' }, label.name) : null, tagChips(label.tags)),
    label.comment ? h('p', { class: 'comment' }, label.comment) : null,
    label.by ? h('p', { class: 'hint' }, `${label.by}, ${time(label.time)}`) : null,
  );
}

/**
 * Asks for a name, tags and a comment.
 *
 * @param {string} what is written on, in words
 * @param {string} path of the run or the trial in the API
 * @param {Label} label as it is now
 */
export function write(what, path, label) {
  const name = h('input', { name: 'name', value: label.name, maxlength: 200 });
  const tags = h('input', { name: 'tags', value: label.tags.join(', ') });
  const comment = h('textarea', { name: 'comment', rows: 5, maxlength: 4000 });
  /** @type {HTMLTextAreaElement} */ (comment).value = label.comment;
  return ask({
    title: `Write on ${what}`,
    verb: 'Save',
    body: [
      h(
        'div',
        { class: 'stack' },
        field('Name', name),
        field('Tags', tags, 'with commas between'),
        field('Comment', comment),
      ),
      h('p', { class: 'hint' }, 'Everybody who may see this run sees it, with your name.'),
    ],
    run: async (form) => {
      const given = new FormData(form);
      const wanted = {
        name: String(given.get('name') ?? '').trim(),
        tags: String(given.get('tags') ?? '')
          .split(',')
          .map((each) => each.trim())
          .filter(Boolean),
        comment: String(given.get('comment') ?? '').trim(),
      };
      // only what was changed is sent, so that what others write meanwhile stays
      const body = Object.fromEntries(
        Object.entries(wanted).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(label[key])),
      );
      if (Object.keys(body).length) await act('PATCH', `${path}/label`, body);
    },
  });
}
