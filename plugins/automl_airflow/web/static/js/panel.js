// A panel: one plot, its text alternative, and its numbers as a table. Loads when it is first seen.

import { explain } from './dialog.js';
import { fill, freshId, h } from './dom.js';
import { shortName } from './names.js';

/**
 * @typedef {object} Context what panels of a run share
 * @property {string} path of the run in the API
 * @property {any} overview
 * @property {(trial: number) => string} trialPage
 * @property {(part: string, query?: Record<string, any>) => Promise<any>} get a part of the run, as new as the page knows
 */

/**
 * @typedef {object} Numbers a plot as a table
 * @property {Array<string>} head
 * @property {Array<Array<any>>} rows
 */

/**
 * @typedef {object} Plot
 * @property {string} title
 * @property {string} [hint] how to read it
 * @property {boolean} [full] as wide as the page
 * @property {boolean} [tall]
 * @property {number} [patience] milliseconds between two refreshes at least
 * @property {boolean} [meanwhile] changes between two events of the run too, while trials train
 * @property {(context: Context, again: () => void) => import('./dom.js').Child} [controls]
 * @property {(context: Context) => Promise<any>} load
 * @property {(data: any) => string} [empty] why there is nothing to draw; '' where there is
 * @property {(data: any, context: Context) => Record<string, any>} option of ECharts
 * @property {(data: any) => string} describe the plot in a sentence or two
 * @property {(data: any) => Numbers} numbers
 * @property {(params: any, data: any) => number | null} [trialAt] which trial was clicked
 * @property {(chart: any, place: HTMLElement) => void} [ready] the plot stands for the first time
 */

const MOST = 300;

export class Panel {
  /** @param {Plot} plot @param {Context} context */
  constructor(plot, context) {
    this.plot = plot;
    this.context = context;
    this.data = null;
    this.chart = null;
    this.seen = false;
    this.stale = true;
    this.loading = false;
    this.last = -Infinity;
    const id = freshId('panel');
    this.place = h('div', {
      class: `plot${plot.tall ? ' tall' : ''}`,
      role: 'img',
      'aria-label': `${plot.title}: loading`,
    });
    this.note = h('p', { class: 'muted' });
    this.words = h('p', { class: 'hint' });
    this.numbers = h('details', { ontoggle: () => this.drawNumbers() }, h('summary', {}, 'As a table'));
    const controls = plot.controls?.(context, () => this.refresh(true));
    this.element = h(
      'section',
      { class: `panel${plot.full ? ' full' : ''}`, 'aria-labelledby': id, 'data-panel': plot.title },
      h('header', {}, h('h2', { id }, plot.title), controls ? h('div', { class: 'controls' }, controls) : null),
      this.note,
      this.place,
      this.words,
      this.numbers,
    );
    new IntersectionObserver(
      (entries) => {
        this.seen = entries[entries.length - 1].isIntersecting;
        if (this.seen && this.stale) void this.refresh();
      },
      { rootMargin: '200px' },
    ).observe(this.element);
    document.addEventListener('automl:theme', () => this.draw());
  }

  /** Data that came with another answer. @param {any} data */
  give(data) {
    this.data = data;
    this.stale = false;
    this.last = performance.now();
    void this.draw();
  }

  /** The experiment has moved on. */
  moved() {
    this.stale = true;
    if (this.seen) void this.refresh();
  }

  /** @param {boolean} [now] a person waits for it */
  async refresh(now = false) {
    const wait = this.last + (this.plot.patience ?? 0) - performance.now();
    if (!now && this.data && wait > 0) {
      this.later ??= setTimeout(() => {
        this.later = undefined;
        if (this.seen && this.stale) void this.refresh();
      }, wait);
      return;
    }
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    this.stale = false;
    try {
      this.data = await this.plot.load(this.context);
      this.last = performance.now();
      await this.draw();
    } catch (error) {
      this.stale = true;
      this.note.hidden = false;
      explain(this.note, error);
      console.warn(error);
    } finally {
      this.loading = false;
      if (this.again) {
        this.again = false;
        void this.refresh(true);
      }
    }
  }

  async draw() {
    if (!this.data) return;
    const nothing = this.plot.empty?.(this.data) ?? '';
    fill(this.note, nothing);
    this.note.hidden = !nothing;
    this.place.classList.toggle('none', Boolean(nothing));
    this.numbers.hidden = Boolean(nothing);
    const words = nothing ? '' : this.plot.describe(this.data);
    this.place.setAttribute('aria-label', `${this.plot.title}. ${words} The numbers are in the table below.`);
    fill(this.words, nothing ? '' : `${words}${this.plot.hint ? ` ${this.plot.hint}` : ''}`);
    if (nothing) return;
    if (!this.chart) {
      const { Chart } = await import('./chart.js');
      if (!this.chart) {
        this.chart = new Chart(this.place, (params) => this.open(params));
        this.plot.ready?.(this.chart.chart, this.place);
      }
    }
    this.chart.draw(this.plot.option(this.data, this.context));
    this.element.dataset.drawn = String(this.data.seq ?? true);
    this.drawNumbers();
  }

  /** @param {any} params */
  open(params) {
    const trial = this.plot.trialAt?.(params, this.data);
    if (trial !== null && trial !== undefined) location.assign(this.context.trialPage(trial));
  }

  drawNumbers() {
    if (!(/** @type {HTMLDetailsElement} */ (this.numbers).open) || !this.data) return;
    const { head, rows } = this.plot.numbers(this.data);
    const kept = this.numbers.querySelector('.scroller');
    const scrolled = kept?.scrollTop ?? 0;
    kept?.remove();
    this.numbers.querySelector('.more')?.remove();
    const box = h(
      'div',
      { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': `${this.plot.title} as a table` },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            head.map((text) => h('th', { scope: 'col' }, shortName(text))),
          ),
        ),
        h(
          'tbody',
          {},
          rows.slice(-MOST).map((row) =>
            h(
              'tr',
              {},
              row.map((value) => h('td', {}, value)),
            ),
          ),
        ),
      ),
    );
    this.numbers.append(box);
    box.scrollTop = scrolled;
    if (rows.length > MOST) {
      this.numbers.append(
        h('p', { class: 'muted more' }, `The last ${MOST} of ${rows.length} rows; the REST API has all.`),
      );
    }
  }
}
