// Keys of the page for labelling. Which key gives which class, the server says (the project's file, then digits, then
// letters); a key of the file is never one of the page's own.

/** "Can't tell"; no class has it. */
export const CANNOT_TELL = '?';

/** Goes to the box in which a class is looked for, where no class has this key. */
export const LOOK_FOR = '/';

/**
 * What was pressed, as classes know it: letters in either case, digits wherever the layout has them. On a French
 * keyboard the row of digits gives "&" without Shift, which may be a key of the file itself: that one is tried first.
 *
 * @param {KeyboardEvent} event
 * @returns {string[]} keys to be tried in turn
 */
export function keysOf(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code ?? '');
  const key = event.key.toLowerCase();
  return digit && digit[1] !== key && !event.shiftKey ? [key, digit[1]] : [key];
}
