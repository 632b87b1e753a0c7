// Filters of the trial table by any of its columns: each is a chip that can be taken away again.

import { fill, h } from './dom.js';
import { setting } from './format.js';
import { shorten } from './names.js';

/** An option as the API takes it in a filter. @param {any} value */
const term = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/** What every run's trials have: key of the column, label. @type {Array<[string, string]>} */
const PLAIN = [
  ['value', 'value'],
  ['seconds', 'Ran (seconds)'],
  ['cost', 'Cost'],
  ['attempts', 'Attempts'],
  ['budget', 'Budget'],
];

export class FilterBar {
  /** @param {any[]} parameters @param {string[]} terms that hold already @param {() => void} changed */
  constructor(parameters, terms, changed) {
    this.parameters = parameters.filter((each) => each.kind !== 'fixed');
    /** @type {string[]} */
    this.metrics = [];
    this.changed = changed;
    this.chosen = [...terms];
    this.chips = h('span', { class: 'chips' });
    this.place = h('span', { class: 'row' });
    this.what = /** @type {HTMLSelectElement} */ (
      h('select', { 'aria-label': 'Filter by', onchange: () => this.drawInputs() })
    );
    this.element = h('div', { class: 'row' }, this.what, this.place, this.chips);
    this.drawChoices();
    this.drawChips();
  }

  /** Names of metrics, as they become known. @param {string[]} metrics */
  know(metrics) {
    if (metrics.join('\n') === this.metrics.join('\n')) return;
    this.metrics = metrics;
    this.drawChoices();
  }

  drawChoices() {
    const chosen = this.what.value;
    fill(
      this.what,
      h('option', { value: '' }, 'Filter by …'),
      [
        ...PLAIN,
        ['tags', 'Tag'],
        ...this.parameters.map((each) => [`params.${each.name}`, each.name]),
        ...this.metrics.map((each) => [`metrics.${each}`, each]),
      ].map(([key, label]) => h('option', { value: key, title: label }, shorten(label))),
    );
    this.what.value = chosen;
  }

  /** What the API takes. */
  terms() {
    return [...this.chosen];
  }

  /** A column as people call it. @param {string} name */
  label(name) {
    return PLAIN.find(([key]) => key === name)?.[1] ?? name.replace(/^(params|metrics)\./, '');
  }

  /** What is asked of a column, as the API takes it. @param {string} name */
  condition(name) {
    return this.chosen.find((each) => each.startsWith(`${name}:`))?.slice(name.length + 1);
  }

  /** A filter in words. @param {string} text */
  words(text) {
    const known = [
      ...PLAIN.map(([key]) => key),
      'tags',
      'number',
      ...this.parameters.flatMap((each) => [each, ...(each.parts ?? [])]).map((each) => `params.${each.name}`),
    ];
    // a parameter's name may have a colon in it
    const name = known.find((each) => text.startsWith(`${each}:`)) ?? text.split(':', 1)[0];
    const condition = text.slice(name.length + 1);
    const range = condition.match(/^([^.]*(?:\.\d[^.]*)?)\.\.(.*)$/);
    const label = shorten(this.label(name));
    return range ? `${label} ${range[1] || '…'} to ${range[2] || '…'}` : `${label} = ${condition}`;
  }

  drawInputs() {
    const name = this.what.value;
    if (!name) return fill(this.place);
    const parameter = this.parameters.find((each) => `params.${each.name}` === name);
    const adder = (/** @type {() => string} */ condition) =>
      h('button', { type: 'button', onclick: () => condition() && this.set({ [name]: condition() }) }, 'Add');
    if (parameter?.values) {
      const pick = /** @type {HTMLSelectElement} */ (
        h(
          'select',
          { 'aria-label': `Value of ${parameter.name}` },
          parameter.values.map((each) => h('option', { value: term(each) }, shorten(setting(each), 60))),
        )
      );
      return fill(
        this.place,
        pick,
        adder(() => pick.value),
      );
    }
    if (name === 'tags') {
      const tag = /** @type {HTMLInputElement} */ (h('input', { 'aria-label': 'Tag', placeholder: 'tag', size: 12 }));
      return fill(
        this.place,
        tag,
        adder(() => tag.value.trim()),
      );
    }
    const input = (label) =>
      /** @type {HTMLInputElement} */ (
        h('input', { type: 'number', step: 'any', 'aria-label': label, placeholder: label, style: 'width:7.5em' })
      );
    const low = input('from');
    const high = input('to');
    return fill(
      this.place,
      low,
      high,
      adder(() => (low.value || high.value ? `${low.value}..${high.value}` : '')),
    );
  }

  /** Asks for something of columns, in place of what was asked of them before. @param {Record<string, string | null>} wanted */
  set(wanted) {
    for (const [name, condition] of Object.entries(wanted)) {
      this.chosen = this.chosen.filter((each) => !each.startsWith(`${name}:`));
      if (condition) this.chosen.push(`${name}:${condition}`);
    }
    this.what.value = '';
    this.drawInputs();
    this.drawChips();
    this.changed();
  }

  drawChips() {
    fill(
      this.chips,
      this.chosen.map((each) =>
        h(
          'button',
          {
            type: 'button',
            'aria-label': `Remove the filter ${this.words(each)}`,
            title: each,
            onclick: () => {
              this.chosen = this.chosen.filter((other) => other !== each);
              this.drawChips();
              this.what.focus();
              this.changed();
            },
          },
          `${this.words(each)} ×`,
        ),
      ),
    );
  }
}
