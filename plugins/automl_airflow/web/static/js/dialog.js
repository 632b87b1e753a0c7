// Dialogs that ask before anything is done, and short messages of what was done.

import { ApiError } from './api.js';
import { fill, freshId, h } from './dom.js';

/** A message that goes by itself; it is read out. @param {string} text @param {'good' | 'bad'} [tone] */
export function toast(text, tone = 'good') {
  const note = h(
    'p',
    { class: `toast ${tone}` },
    text,
    h('button', { type: 'button', class: 'plain', 'aria-label': 'Dismiss', onclick: () => note.remove() }, '×'),
  );
  document.getElementById('toasts')?.append(note);
  setTimeout(() => note.remove(), tone === 'bad' ? 20000 : 8000);
}

/**
 * Asks, does, and stays open with the reason where it was refused.
 *
 * @param {object} options
 * @param {string} options.title
 * @param {import('./dom.js').Child} options.body what is asked: text and fields
 * @param {string} options.verb on the button that does it
 * @param {boolean} [options.danger]
 * @param {boolean} [options.wide]
 * @param {(form: HTMLFormElement) => Promise<string | void>} options.run does it; answers what to say
 * @returns {Promise<boolean>} whether it was done
 */
export function ask({ title, body, verb, danger = false, wide = false, run }) {
  return new Promise((resolve) => {
    const id = freshId('dialog');
    const problems = h('div', { class: 'problems', role: 'alert' });
    const cancel = h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
    const go = /** @type {HTMLButtonElement} */ (
      h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, verb)
    );
    const form = /** @type {HTMLFormElement} */ (
      h(
        'form',
        { method: 'dialog' },
        h('h2', { id }, title),
        h('div', { class: 'body' }, body),
        problems,
        h('div', { class: 'buttons' }, cancel, go),
      )
    );
    const dialog = /** @type {HTMLDialogElement} */ (
      h('dialog', { 'aria-labelledby': id, class: wide ? 'wide' : null }, form)
    );
    let done = false;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      go.disabled = true;
      fill(problems);
      try {
        const said = await run(form);
        done = true;
        dialog.close();
        if (said) toast(said);
      } catch (error) {
        explain(problems, error);
      } finally {
        go.disabled = false;
      }
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Says in words why something was refused. @param {HTMLElement} place @param {unknown} error */
export function explain(place, error) {
  if (error instanceof ApiError && error.problems.length) {
    fill(
      place,
      h(
        'ul',
        {},
        error.problems.map((each) => h('li', {}, each.text ?? each.message)),
      ),
    );
  } else {
    fill(place, h('p', {}, error instanceof Error ? error.message : String(error)));
  }
}
