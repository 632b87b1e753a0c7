// Filters of the trial table by the value or by parameters: each is a chip that can be taken away again.

import { fill, h } from './dom.js';
import { setting } from './format.js';

/** An option as the API takes it in a filter. @param {any} value */
const term = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

export class FilterBar {
  /** @param {any[]} parameters @param {() => void} changed */
  constructor(parameters, changed) {
    this.parameters = parameters.filter((each) => each.kind !== 'fixed');
    this.changed = changed;
    /** @type {Array<{text: string, term: string}>} */
    this.chosen = [];
    this.chips = h('span', { class: 'chips' });
    this.place = h('span', { class: 'row' });
    this.what = /** @type {HTMLSelectElement} */ (
      h(
        'select',
        { 'aria-label': 'Filter by', onchange: () => this.drawInputs() },
        h('option', { value: '' }, 'Filter by …'),
        h('option', { value: 'value' }, 'value'),
        this.parameters.map((each) => h('option', { value: `params.${each.name}` }, each.name)),
      )
    );
    this.element = h('div', { class: 'row' }, this.what, this.place, this.chips);
  }

  /** What the API takes. */
  terms() {
    return this.chosen.map((each) => each.term);
  }

  drawInputs() {
    const name = this.what.value;
    if (!name) return fill(this.place);
    const parameter = this.parameters.find((each) => `params.${each.name}` === name);
    if (parameter?.values) {
      const pick = /** @type {HTMLSelectElement} */ (
        h(
          'select',
          { 'aria-label': `Value of ${parameter.name}` },
          parameter.values.map((each) => h('option', { value: term(each) }, setting(each))),
        )
      );
      return fill(
        this.place,
        pick,
        h(
          'button',
          { type: 'button', onclick: () => this.add(name, pick.value, `${parameter.name} = ${pick.value}`) },
          'Add',
        ),
      );
    }
    const input = (label) =>
      /** @type {HTMLInputElement} */ (
        h('input', { type: 'number', step: 'any', 'aria-label': label, placeholder: label, style: 'width:7.5em' })
      );
    const low = input('from');
    const high = input('to');
    const label = parameter?.name ?? 'value';
    return fill(
      this.place,
      low,
      high,
      h(
        'button',
        {
          type: 'button',
          onclick: () =>
            (low.value || high.value) &&
            this.add(name, `${low.value}..${high.value}`, `${label} ${low.value || '…'} to ${high.value || '…'}`),
        },
        'Add',
      ),
    );
  }

  /** @param {string} name @param {string} value @param {string} text */
  add(name, value, text) {
    this.chosen = [
      ...this.chosen.filter((each) => !each.term.startsWith(`${name}:`)),
      { term: `${name}:${value}`, text },
    ];
    this.what.value = '';
    this.drawInputs();
    this.drawChips();
    this.what.focus();
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
            'aria-label': `Remove the filter ${each.text}`,
            onclick: () => {
              this.chosen = this.chosen.filter((other) => other !== each);
              this.drawChips();
              this.what.focus();
              this.changed();
            },
          },
          `${each.text} ×`,
        ),
      ),
    );
  }
}
