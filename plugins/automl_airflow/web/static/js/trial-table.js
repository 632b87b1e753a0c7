// The trial table: sorted, filtered and searched by the server, so that 10,000 rows are as quick as ten. What it shows
// stands in the address.

import { asked, keep } from './address.js';
import { apiAddress, get } from './api.js';
import { rerunTrial, stopTrial } from './acts.js';
import { Columns } from './columns.js';
import { toast } from './dialog.js';
import { fill, h } from './dom.js';
import { briefTime, cost, duration, many, number, setting } from './format.js';
import { Panel } from './panel.js';
import { pageOf } from './parts.js';
import { searchBox } from './search.js';
import { shareButton } from './share.js';
import { TRIAL_STATES, badge, look } from './states.js';
import { VirtualTable } from './table.js';
import { FilterBar } from './trial-filter.js';

/** Trials that are compared at most: lines of more are not told apart. */
const MOST = 6;

export class TrialTable {
  /** @param {{experiment: string, run: string, path: string}} run @param {import('./panel.js').Context & {seq: number}} context */
  constructor(run, context) {
    this.run = run;
    this.context = context;
    const query = asked();
    this.search = query.get('search') ?? '';
    this.states = new Set(query.getAll('state').filter((each) => TRIAL_STATES.includes(each)));
    this.picked = new Set(
      query
        .getAll('pick')
        .filter((each) => /^\d+$/.test(each))
        .map(Number),
    );
    this.answer = null;
    this.said = h('span', { class: 'muted', role: 'status', id: 'matched' });
    this.filters = new FilterBar(context.overview.parameters, query.getAll('filter'), () => this.changed());
    this.chooser = new Columns(run.experiment, () => this.showColumns());
    this.compare = h('a', { class: 'button', role: 'link' });
    this.sheet = h('a', { class: 'button', download: '', title: 'The rows and columns of this view' }, 'CSV');
    this.table = new VirtualTable({
      label: 'Trials',
      sort: query.get('sort') ?? 'number',
      columns: this.chooser,
      load: (offset, limit, sort) => this.load(offset, limit, sort),
      loaded: (answer) => this.loaded(answer),
      sorted: () => this.write(),
    });
    this.element = h('div', {}, this.toolbar(), this.scatter(), this.table.element);
    this.choose();
    this.write();
    void this.reload();
  }

  toolbar() {
    const find = (words) => {
      this.search = words;
      this.changed();
    };
    const chips = TRIAL_STATES.filter((state) => state !== 'WAITING').map((state) =>
      h(
        'button',
        {
          type: 'button',
          'aria-pressed': String(this.states.has(state)),
          'data-state': state,
          onclick: (event) => {
            if (!this.states.delete(state)) this.states.add(state);
            event.currentTarget.setAttribute('aria-pressed', String(this.states.has(state)));
            this.changed();
          },
        },
        h('span', { 'aria-hidden': 'true', class: `badge ${look(state).tone}` }, `${look(state).glyph} `),
        look(state).label,
      ),
    );
    return h(
      'div',
      { class: 'toolbar' },
      searchBox('trials', this.search, find, 'Search: number, state, value, tag …'),
      h('div', { class: 'chips', role: 'group', 'aria-label': 'States' }, chips),
      this.filters.element,
      h('div', { class: 'row tight' }, this.chooser.element, this.compare, this.sheet, shareButton()),
      this.said,
    );
  }

  /** A plot of any two columns, whose brush filters the table. */
  scatter() {
    const place = h('div');
    const open = async () => {
      if (this.panel) return;
      const { default: plot } = await import('./plots/scatter.js');
      this.panel ??= new Panel(plot({ query: () => this.query(), filters: this.filters }), this.context);
      fill(place, this.panel.element);
    };
    const details = /** @type {HTMLDetailsElement} */ (
      h(
        'details',
        {
          class: 'fold',
          id: 'scatter',
          ontoggle: () => {
            if (details.open) void open();
            else keep({ x: null, y: null });
          },
        },
        h('summary', {}, 'Plot any two of parameters and metrics'),
        place,
      )
    );
    details.open = asked().has('x') || asked().has('y');
    return details;
  }

  /** What is asked of the server. */
  query() {
    return { search: this.search, state: [...this.states].join(','), filter: this.filters.terms() };
  }

  /** Something else is wanted. */
  changed() {
    this.write();
    void this.reload();
    this.panel?.moved();
  }

  write() {
    keep({
      sort: this.table.sort === 'number' ? null : this.table.sort,
      search: this.search,
      state: [...this.states],
      filter: this.filters.terms(),
      pick: [...this.picked].map(String),
    });
    this.drawSheet();
  }

  drawSheet() {
    const query = new URLSearchParams({
      sort: this.table.sort,
      search: this.search,
      state: [...this.states].join(','),
    });
    for (const each of this.filters.terms()) query.append('filter', each);
    for (const each of this.table.columns) if (!each.fixed || each.sheet) query.append('column', each.key);
    this.sheet.setAttribute('href', apiAddress(`${this.run.path}/trials.csv?${query}`));
  }

  /** Which trials are picked. */
  choose() {
    const few = this.picked.size < 2;
    const query = [...this.picked].map((each) => `n=${each}`).join('&');
    if (few) this.compare.removeAttribute('href');
    else this.compare.setAttribute('href', `${pageOf(this.run.experiment, this.run.run)}/trials?${query}`);
    this.compare.toggleAttribute('aria-disabled', few);
    this.compare.setAttribute('title', few ? `Pick two to ${MOST} trials in the table` : '');
    fill(this.compare, this.picked.size ? `Compare ${this.picked.size}` : 'Compare');
  }

  async reload() {
    await this.moved(true);
  }

  /** The experiment has moved on. @param {boolean} [anew] something else is asked for */
  async moved(anew = false) {
    if (!anew) this.panel?.moved();
    try {
      await this.table.reload(anew);
    } catch (error) {
      fill(this.said, error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {number} offset @param {number} limit @param {string} sort */
  async load(offset, limit, sort) {
    const answer = await get(`${this.run.path}/trials`, {
      ...this.query(),
      sort,
      offset,
      limit,
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
    this.answer = answer;
    this.filters.know(answer.metrics);
    this.table.setColumns(this.chooser.of(this.columns(answer)));
    this.drawSheet();
    fill(
      this.said,
      answer.matched === answer.total
        ? many(answer.total, 'trial')
        : `${number(answer.matched)} of ${many(answer.total, 'trial')}`,
    );
  }

  showColumns() {
    if (!this.answer) return;
    this.table.showColumns(this.chooser.of(this.columns(this.answer)));
    this.drawSheet();
  }

  /** @param {any} answer @returns {import('./table.js').Column[]} */
  columns(answer) {
    const { experiment, run } = this.run;
    const budgets = this.context.overview.limits.budget;
    const several = this.context.overview.goal.objectives.length > 1;
    const link = (read) =>
      h('a', { href: pageOf(experiment, run, read('number')), 'data-key': `trial-${read('number')}` }, read('number'));
    const metrics = answer.metrics.filter((each) => several || each !== this.context.overview.goal.metric);
    const why = { key: 'headline', label: 'Why', prose: true, cell: (read) => read('headline') || '' };
    // where only trials without a result are asked for, why is what is looked for
    const failed = this.states.size > 0 && !this.states.has('SUCCEEDED') && !this.states.has('RUNNING');
    return [
      {
        key: 'pick',
        label: 'Compare',
        head: h('span', { class: 'visually-hidden' }, 'Compare'),
        fixed: true,
        always: true,
        cell: (read) => this.pick(read('number')),
      },
      { key: 'number', label: 'Trial', number: true, always: true, cell: link },
      { key: 'name', label: 'Name', hidden: !answer.labelled, cell: (read) => read('name') || '' },
      { key: 'state', label: 'State', cell: (read) => badge(read('state')) },
      ...(failed ? [why] : []),
      { key: 'value', label: this.context.overview.goal.metric, number: true, cell: (read) => number(read('value')) },
      { key: 'rank', label: 'Rank', number: true, cell: (read) => number(read('rank')) },
      ...(several
        ? [{ key: 'front', label: 'Front', fixed: true, sheet: true, cell: (read) => (read('front') ? '● yes' : '') }]
        : []),
      ...(budgets
        ? [{ key: 'budget', label: budgets.name, number: true, cell: (read) => number(read('budget')) }]
        : []),
      ...answer.parameters.map((each) => ({
        key: `params.${each.name}`,
        label: each.name,
        number: !each.values && !each.parts,
        cell: (read) => setting(read(`params.${each.name}`)),
      })),
      ...metrics.map((name) => ({
        key: `metrics.${name}`,
        label: name,
        number: true,
        cell: (read) => number(read(`metrics.${name}`)),
      })),
      { key: 'step', label: 'Last step', number: true, hidden: true, cell: (read) => number(read('step')) },
      { key: 'started', label: 'Started', hidden: true, cell: (read) => briefTime(read('started')) },
      { key: 'ended', label: 'Ended', hidden: true, cell: (read) => briefTime(read('ended')) },
      { key: 'seconds', label: 'Ran', number: true, cell: (read) => duration(read('seconds')) },
      { key: 'cost', label: 'Cost', number: true, cell: (read) => cost(read('cost')) },
      { key: 'attempts', label: 'Attempts', number: true, cell: (read) => number(read('attempts')) },
      { key: 'tags', label: 'Tags', hidden: !answer.labelled, cell: (read) => (read('tags') ?? []).join(', ') },
      { key: 'comment', label: 'Comment', prose: true, hidden: true, cell: (read) => read('comment') || '' },
      { key: 'act', label: 'Action', fixed: true, cell: (read) => this.action(read) },
      ...(failed ? [] : [why]),
    ];
  }

  /** @param {number} trial */
  pick(trial) {
    return h('input', {
      type: 'checkbox',
      checked: this.picked.has(trial),
      'data-key': `pick-${trial}`,
      'aria-label': `Compare trial ${trial}`,
      onchange: (event) => {
        if (event.target.checked && this.picked.size >= MOST) {
          event.target.checked = false;
          toast(`Up to ${MOST} trials can be compared: leave another one out first.`, 'bad');
        } else if (event.target.checked) this.picked.add(trial);
        else this.picked.delete(trial);
        this.choose();
        this.write();
      },
    });
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
