// Which columns of a table are shown, and how wide: the choice stands in the address, widths are this browser's own.

import { asked, keep } from './address.js';
import { fill, h } from './dom.js';
import { menu } from './menu.js';
import { shortName } from './names.js';

/** Pixels of a column at least, and by which an arrow key moves its edge. */
const LEAST = 44;
const STEP = 16;

export class Columns {
  /**
   * @param {string} table whose widths are kept under this name
   * @param {() => void} changed other columns are wanted, or the same ones otherwise
   */
  constructor(table, changed) {
    this.place = `automl:widths:${table}`;
    this.changed = changed;
    /** @type {string[] | null} null: those that the table shows by itself */
    this.chosen = asked().has('column') ? asked().getAll('column') : null;
    /** @type {Record<string, number>} */
    this.widths = this.keptWidths();
    /** @type {import('./table.js').Column[]} */
    this.all = [];
    this.list = h('div', { class: 'checks' });
    this.element = menu('Columns', [
      this.list,
      h(
        'p',
        { class: 'row' },
        h('button', { type: 'button', class: 'small', onclick: () => this.choose(null) }, 'As at first'),
        h(
          'button',
          { type: 'button', class: 'small', onclick: () => this.choose(this.all.map((each) => each.key)) },
          'All',
        ),
      ),
    ]);
  }

  keptWidths() {
    try {
      const kept = JSON.parse(window.localStorage.getItem(this.place) ?? '{}');
      return Object.fromEntries(Object.entries(kept).filter(([, width]) => typeof width === 'number'));
    } catch {
      return {}; // storage is switched off, or somebody else wrote there
    }
  }

  /** @param {string} key @param {number} width in pixels @param {boolean} [done] whether it is to be kept */
  resize(key, width, done = true) {
    this.widths = { ...this.widths, [key]: Math.max(LEAST, Math.round(width)) };
    this.changed();
    if (!done) return;
    try {
      window.localStorage.setItem(this.place, JSON.stringify(this.widths));
    } catch {
      // it holds for this page then
    }
  }

  /** @param {string[] | null} chosen */
  choose(chosen) {
    this.chosen = chosen;
    keep({ column: chosen ?? [] });
    this.draw();
    this.changed();
  }

  /** @param {import('./table.js').Column} column */
  has(column) {
    return this.chosen ? this.chosen.includes(column.key) : !column.hidden;
  }

  /** The columns to show, of all there are. @param {import('./table.js').Column[]} all */
  of(all) {
    const before = this.all.map((each) => each.key).join('\n');
    this.all = all;
    if (before !== all.map((each) => each.key).join('\n')) this.draw();
    const shown = all.filter((each) => each.always || this.has(each));
    return shown.map((each) => ({ ...each, width: this.widths[each.key] }));
  }

  draw() {
    fill(
      this.list,
      this.all
        .filter((each) => !each.always)
        .map((column) =>
          h(
            'label',
            {},
            h('input', {
              type: 'checkbox',
              checked: this.has(column),
              onchange: (event) => {
                const now = this.all.filter((each) => this.has(each)).map((each) => each.key);
                this.choose(event.target.checked ? [...now, column.key] : now.filter((key) => key !== column.key));
              },
            }),
            ' ',
            shortName(column.label),
          ),
        ),
    );
  }

  /** The edge by which a column is made wider, with the pointer or with arrow keys. @param {import('./table.js').Column} column */
  handle(column) {
    const width = () => handle.closest('th')?.getBoundingClientRect().width ?? 0;
    const handle = h('span', {
      class: 'resizer',
      role: 'separator',
      tabindex: 0,
      'data-resize': column.key,
      'aria-orientation': 'vertical',
      'aria-label': `Width of ${column.label}`,
      'aria-valuenow': column.width ?? LEAST, // where nobody has set one, it is known once it stands
      onfocus: () => handle.setAttribute('aria-valuenow', String(Math.round(width()))),
      'aria-valuemin': LEAST,
      onclick: (event) => event.stopPropagation(),
      onkeydown: (event) => {
        const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        this.resize(column.key, width() + by);
      },
      onpointerdown: (event) => {
        event.preventDefault();
        const [start, from] = [event.clientX, width()];
        const move = (/** @type {PointerEvent} */ now) => this.resize(column.key, from + now.clientX - start, false);
        const end = (/** @type {PointerEvent} */ now) => {
          document.removeEventListener('pointermove', move);
          document.removeEventListener('pointerup', end);
          this.resize(column.key, from + now.clientX - start);
        };
        document.addEventListener('pointermove', move);
        document.addEventListener('pointerup', end);
      },
    });
    return handle;
  }
}
