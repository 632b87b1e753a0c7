// A table of any length: only the rows in view are in the document, and only their pages were asked for.

import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from '../vendor/virtual.js';
import { fill, h } from './dom.js';
import { shortName } from './names.js';

const ROW = 34;
const PAGE = 100;

/**
 * @typedef {object} Column
 * @property {string} key what the server sorts by
 * @property {string} label
 * @property {boolean} [number] set to the right
 * @property {boolean} [prose] a sentence: has more room than others
 * @property {boolean} [fixed] can't be sorted by
 * @property {boolean} [sheet] stands in a CSV file though it can't be sorted by
 * @property {boolean} [always] can't be left out
 * @property {boolean} [hidden] is only shown when asked for
 * @property {number} [width] in pixels, where somebody has set one
 * @property {import('./dom.js').Child} [head] what stands in the head, where it is not the label
 * @property {(row: (name: string) => any) => import('./dom.js').Child} cell
 */

/**
 * @typedef {object} Answer
 * @property {number} matched rows in all
 * @property {number} count rows in this page
 * @property {(index: number) => (name: string) => any} row
 */

export class VirtualTable {
  /**
   * @param {object} options
   * @param {string} options.label what the table shows
   * @param {(offset: number, limit: number, sort: string) => Promise<Answer>} options.load a page of rows
   * @param {string} [options.sort] '-' before the key: descending
   * @param {(answer: Answer) => void} [options.loaded]
   * @param {(sort: string) => void} [options.sorted] somebody has chosen another order
   * @param {import('./columns.js').Columns} [options.columns] which of them are shown, and how wide
   * @param {number} [options.height] of the window, in pixels
   */
  constructor({ label, load, sort = 'number', loaded = () => {}, sorted = () => {}, columns, height = 520 }) {
    this.load = load;
    this.sort = sort;
    this.loaded = loaded;
    this.sorted = sorted;
    this.chooser = columns;
    this.total = 0;
    /** @type {Map<number, {answer: Answer, generation: number}>} some are older than the last reload */
    this.pages = new Map();
    /** @type {Set<number>} */
    this.asked = new Set();
    this.generation = 0;
    /** @type {Column[]} */
    this.columns = [];
    this.head = h('tr', { 'aria-rowindex': 1 });
    this.body = h('tbody');
    this.table = h('table', { class: 'rows', 'aria-label': label }, h('thead', {}, this.head), this.body);
    this.element = h(
      'div',
      { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': label, style: `max-height:${height}px` },
      this.table,
    );
    this.virtual = new Virtualizer({
      count: 0,
      estimateSize: () => ROW,
      overscan: 12,
      getScrollElement: () => this.element,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.draw(),
      initialRect: { width: 900, height },
    });
    this.virtual._didMount();
    this.virtual._willUpdate();
  }

  /** @param {Column[]} columns */
  setColumns(columns) {
    const told = (/** @type {Column[]} */ them) => them.map((each) => `${each.key} ${each.width ?? ''}`).join('\n');
    const before = told(this.columns);
    this.columns = columns;
    if (before === told(columns) && this.head.childElementCount) return;
    this.drawHead();
  }

  /** Other columns, over the rows that are there. @param {Column[]} columns */
  showColumns(columns) {
    const active = document.activeElement;
    const held = active instanceof HTMLElement && this.head.contains(active) ? active.dataset.resize : undefined;
    this.setColumns(columns);
    this.draw();
    if (held)
      /** @type {HTMLElement | null} */ (this.head.querySelector(`[data-resize="${CSS.escape(held)}"]`))?.focus();
  }

  /** @param {Column} column */
  widthOf(column) {
    return column.width ? `width:${column.width}px;min-width:${column.width}px;max-width:${column.width}px` : null;
  }

  drawHead() {
    const [key, down] = this.sort.startsWith('-') ? [this.sort.slice(1), true] : [this.sort, false];
    fill(
      this.head,
      this.columns.map((column) => {
        const sorted = column.key === key;
        const label = column.fixed
          ? (column.head ?? shortName(column.label))
          : h(
              'button',
              {
                type: 'button',
                class: 'plain',
                onclick: () => this.sortBy(sorted && !down ? `-${column.key}` : column.key),
              },
              shortName(column.label),
              h('span', { 'aria-hidden': 'true' }, sorted ? (down ? ' ↓' : ' ↑') : ''),
            );
        return h(
          'th',
          {
            scope: 'col',
            class: column.number ? 'number' : null,
            style: this.widthOf(column),
            'aria-sort': sorted ? (down ? 'descending' : 'ascending') : null,
          },
          label,
          this.chooser && !column.always ? this.chooser.handle(column) : null,
        );
      }),
    );
  }

  /** @param {string} sort */
  sortBy(sort) {
    const focused = this.head.contains(document.activeElement)
      ? [...this.head.children].findIndex((cell) => cell.contains(document.activeElement))
      : -1;
    this.sort = sort;
    this.sorted(sort);
    this.drawHead();
    this.head.children[focused]?.querySelector('button')?.focus();
    void this.reload(true);
  }

  /**
   * Asks anew for what is in view; what stands there stays until the answer comes.
   *
   * @param {boolean} [top] other rows are asked for: begins at the first
   */
  async reload(top = false) {
    this.generation += 1;
    this.asked.clear();
    if (top) this.element.scrollTop = 0;
    await Promise.all((top ? [0] : this.inView()).map((offset) => this.page(offset)));
  }

  inView() {
    const items = this.virtual.getVirtualItems();
    if (!items.length) return [0];
    const from = Math.floor(items[0].index / PAGE) * PAGE;
    const to = Math.floor(items[items.length - 1].index / PAGE) * PAGE;
    return from === to ? [from] : [from, to];
  }

  /** @param {number} offset */
  async page(offset) {
    if (this.asked.has(offset)) return;
    this.asked.add(offset);
    const generation = this.generation;
    try {
      const answer = await this.load(offset, PAGE, this.sort);
      if (generation !== this.generation) return;
      this.pages.set(offset, { answer, generation });
      for (const [each, { generation: age }] of this.pages) {
        if (age !== generation && !this.inView().includes(each)) this.pages.delete(each);
      }
      this.take(answer);
    } catch (error) {
      this.asked.delete(offset);
      throw error;
    }
  }

  /** @param {Answer} answer */
  take(answer) {
    this.total = answer.matched;
    this.table.setAttribute('aria-rowcount', String(this.total + 1));
    this.loaded(answer);
    this.virtual.setOptions({ ...this.virtual.options, count: this.total });
    this.virtual._willUpdate();
    this.draw();
  }

  draw() {
    const items = this.virtual.getVirtualItems();
    const above = items.length ? items[0].start : 0;
    const below = items.length ? this.virtual.getTotalSize() - items[items.length - 1].end : 0;
    const kept = this.focusKey();
    const rows = items.map((item) => this.rowOf(item.index));
    fill(this.body, this.gap(above), rows, this.gap(below), this.total === 0 ? this.nothing() : null);
    if (kept)
      /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-key="${CSS.escape(kept)}"]`))?.focus({
        preventScroll: true,
      });
  }

  /** Which link or button had the focus: rows are made anew while a person moves through them. */
  focusKey() {
    const active = document.activeElement;
    return active instanceof HTMLElement && this.body.contains(active) ? active.dataset.key : undefined;
  }

  /** @param {number} height */
  gap(height) {
    return height > 0
      ? h(
          'tr',
          { 'aria-hidden': 'true', class: 'gap' },
          h('td', { colspan: this.columns.length, style: `height:${height}px` }),
        )
      : null;
  }

  nothing() {
    return h('tr', {}, h('td', { colspan: this.columns.length, class: 'muted' }, 'No rows.'));
  }

  /** @param {number} index */
  rowOf(index) {
    const offset = Math.floor(index / PAGE) * PAGE;
    const page = this.pages.get(offset);
    if (page?.generation !== this.generation) void this.page(offset).catch((error) => console.warn(error));
    if (!page || index - offset >= page.answer.count) {
      return h('tr', { 'aria-rowindex': index + 2 }, h('td', { colspan: this.columns.length, class: 'muted' }, '…'));
    }
    const read = page.answer.row(index - offset);
    return h(
      'tr',
      { 'aria-rowindex': index + 2 },
      this.columns.map((column) => {
        const content = column.cell(read);
        const text = typeof content === 'string' && content.length > 24 ? content : null;
        return h(
          'td',
          { class: column.number ? 'number' : column.prose ? 'prose' : null, style: this.widthOf(column), title: text },
          content,
        );
      }),
    );
  }
}
