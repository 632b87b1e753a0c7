// The trial table: sorted, filtered and searched by the server, so that 10,000 rows are as quick as ten.

import { get } from './api.js';
import { rerunTrial, stopTrial } from './acts.js';
import { fill, h } from './dom.js';
import { cost, duration, many, number, setting } from './format.js';
import { pageOf } from './parts.js';
import { TRIAL_STATES, badge, look } from './states.js';
import { VirtualTable } from './table.js';
import { FilterBar } from './trial-filter.js';

export class TrialTable {
  /** @param {{experiment: string, run: string, path: string}} run @param {import('./panel.js').Context & {seq: number}} context */
  constructor(run, context) {
    this.run = run;
    this.context = context;
    this.search = '';
    this.states = new Set();
    this.said = h('span', { class: 'muted', role: 'status', id: 'matched' });
    this.filters = new FilterBar(context.overview.parameters, () => this.reload());
    this.table = new VirtualTable({
      label: 'Trials',
      load: (offset, limit, sort) => this.load(offset, limit, sort),
      loaded: (answer) => this.loaded(answer),
    });
    this.element = h('div', {}, this.toolbar(), this.table.element);
    void this.reload();
  }

  toolbar() {
    let timer;
    const search = h('input', {
      type: 'search',
      'aria-label': 'Search trials',
      placeholder: 'Search: number, state, value of a parameter …',
      size: 34,
      oninput: (event) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          this.search = event.target.value.trim();
          void this.reload();
        }, 200);
      },
    });
    const chips = TRIAL_STATES.filter((state) => state !== 'WAITING').map((state) =>
      h(
        'button',
        {
          type: 'button',
          'aria-pressed': 'false',
          'data-state': state,
          onclick: (event) => {
            if (!this.states.delete(state)) this.states.add(state);
            event.currentTarget.setAttribute('aria-pressed', String(this.states.has(state)));
            void this.reload();
          },
        },
        h('span', { 'aria-hidden': 'true', class: `badge ${look(state).tone}` }, `${look(state).glyph} `),
        look(state).label,
      ),
    );
    return h(
      'div',
      { class: 'toolbar' },
      search,
      h('div', { class: 'chips', role: 'group', 'aria-label': 'States' }, chips),
      this.filters.element,
      this.said,
    );
  }

  async reload() {
    await this.moved(true);
  }

  /** The experiment has moved on. @param {boolean} [anew] something else is asked for */
  async moved(anew = false) {
    try {
      await this.table.reload(anew);
    } catch (error) {
      fill(this.said, error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {number} offset @param {number} limit @param {string} sort */
  async load(offset, limit, sort) {
    const answer = await get(`${this.run.path}/trials`, {
      sort,
      offset,
      limit,
      search: this.search,
      state: [...this.states].join(','),
      filter: this.filters.terms(),
      seq: this.context.seq,
    });
    const { columns } = answer;
    return {
      answer,
      matched: answer.matched,
      count: columns.number.length,
      row: (index) => (name) => {
        const [group, key] = name.startsWith('params.')
          ? ['params', name.slice(7)]
          : name.startsWith('metrics.')
            ? ['metrics', name.slice(8)]
            : [null, name];
        return (group ? columns[group][key] : columns[key])?.[index];
      },
    };
  }

  /** @param {any} page */
  loaded(page) {
    const { answer } = page;
    this.table.setColumns(this.columns(answer));
    fill(
      this.said,
      answer.matched === answer.total
        ? many(answer.total, 'trial')
        : `${number(answer.matched)} of ${many(answer.total, 'trial')}`,
    );
  }

  /** @param {any} answer @returns {import('./table.js').Column[]} */
  columns(answer) {
    const { experiment, run } = this.run;
    const budgets = this.context.overview.limits.budget;
    const several = this.context.overview.goal.objectives.length > 1;
    const link = (read) =>
      h('a', { href: pageOf(experiment, run, read('number')), 'data-key': `trial-${read('number')}` }, read('number'));
    const metrics = answer.metrics.filter((each) => several || each !== this.context.overview.goal.metric);
    return [
      { key: 'number', label: 'Trial', number: true, cell: link },
      { key: 'state', label: 'State', cell: (read) => badge(read('state')) },
      { key: 'value', label: this.context.overview.goal.metric, number: true, cell: (read) => number(read('value')) },
      { key: 'rank', label: 'Rank', number: true, cell: (read) => number(read('rank')) },
      ...(several
        ? [{ key: 'front', label: 'Front', fixed: true, cell: (read) => (read('front') ? '● yes' : '') }]
        : []),
      ...(budgets
        ? [{ key: 'budget', label: budgets.name, number: true, cell: (read) => number(read('budget')) }]
        : []),
      ...answer.parameters.map((each) => ({
        key: `params.${each.name}`,
        label: each.name,
        number: !each.values,
        cell: (read) => setting(read(`params.${each.name}`)),
      })),
      ...metrics.map((name) => ({
        key: `metrics.${name}`,
        label: name,
        number: true,
        cell: (read) => number(read(`metrics.${name}`)),
      })),
      { key: 'seconds', label: 'Ran', number: true, cell: (read) => duration(read('seconds')) },
      { key: 'cost', label: 'Cost', number: true, cell: (read) => cost(read('cost')) },
      { key: 'attempts', label: 'Attempts', number: true, cell: (read) => number(read('attempts')) },
      { key: 'act', label: 'Action', fixed: true, cell: (read) => this.action(read) },
      { key: 'reason', label: 'Why', fixed: true, cell: (read) => read('reason') || '' },
    ];
  }

  /** @param {(name: string) => any} read */
  action(read) {
    const { can } = this.context.overview;
    const n = read('number');
    const state = read('state');
    if (state === 'RUNNING' && can.stop_trial && !read('cancel')) {
      return h(
        'button',
        {
          type: 'button',
          class: 'small',
          'data-key': `stop-${n}`,
          'aria-label': `Stop … trial ${n}`,
          onclick: () => stopTrial(this.run, n),
        },
        'Stop …',
      );
    }
    if (['FAILED', 'USER_CANCELED', 'SYS_CANCELED', 'EARLY_STOPPED'].includes(state) && can.rerun) {
      return h(
        'button',
        {
          type: 'button',
          class: 'small',
          'data-key': `rerun-${n}`,
          'aria-label': `Rerun … trial ${n}`,
          onclick: () => rerunTrial(this.run, n),
        },
        'Rerun …',
      );
    }
    return read('cancel') && state === 'RUNNING' ? 'ending …' : '';
  }
}
