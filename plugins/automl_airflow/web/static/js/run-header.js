// The head of a run's page: how it stands, TAO's figures, why it ended, and what can be done.

import { actButton, bar, crumbs, figures, pageOf } from './parts.js';
import { clone, edit, extend, stop } from './acts.js';
import { write, written } from './label.js';
import { deploy } from './deploy.js';
import { airflowLink, fill, h } from './dom.js';
import { cost, duration, number, percent, time } from './format.js';
import { badge } from './states.js';

export class RunHeader {
  /** @param {{experiment: string, run: string, path: string}} run */
  constructor(run) {
    this.run = run;
    this.overview = null;
    this.live = h('span', { class: 'muted', id: 'live' });
    this.state = h('span', { role: 'status' });
    this.why = h('div');
    this.figures = h('div');
    this.label = h('div');
    this.buttons = h('div', { class: 'row', role: 'group', 'aria-label': 'Actions' });
    this.airflow = h('span');
    this.element = h(
      'div',
      { class: 'head' },
      crumbs([
        ['Experiments', './'],
        [run.experiment, pageOf(run.experiment)],
        [run.run, null],
      ]),
      h(
        'div',
        { class: 'row spread' },
        h('div', { class: 'row' }, h('h1', {}, run.experiment), this.state, this.live, this.airflow),
        this.buttons,
      ),
      this.label,
      this.why,
      this.figures,
    );
  }

  /** @param {string} text */
  say(text) {
    fill(this.live, text === 'live' ? '● live' : text === 'ended' ? '' : text);
  }

  /** @param {any} overview */
  show(overview) {
    const before = this.overview;
    this.overview = overview;
    if (before?.state !== overview.state) {
      fill(this.state, badge(overview.state));
      document.title = `${overview.experiment} · AutoML`;
      fill(this.airflow, overview.airflow?.url ? airflowLink(overview.airflow.url, 'in Airflow') : null);
    }
    if (JSON.stringify(before?.label) !== JSON.stringify(overview.label)) fill(this.label, written(overview.label));
    this.showWhy(overview);
    fill(this.figures, figuresOf(overview, this.run));
    if (JSON.stringify([before?.can, before?.why_not]) !== JSON.stringify([overview.can, overview.why_not]))
      this.showButtons(overview);
  }

  /** @param {any} overview */
  showWhy(overview) {
    const lines = [];
    const { stop: order, ended, reason } = overview;
    if (ended !== null || reason) {
      lines.push(
        h(
          'p',
          { class: 'why' },
          ended === null ? 'Ending: ' : 'Ended: ',
          reason || 'all trials have run',
          ended === null ? '' : ` (${time(ended)})`,
        ),
      );
    }
    if (order && ended === null)
      lines.push(
        h(
          'p',
          { class: 'muted' },
          order.running === 'cancel' ? 'Running trials are cancelled.' : 'Running trials go on to their ends.',
        ),
      );
    if (overview.airflow?.gone)
      lines.push(
        h(
          'p',
          { class: 'notice' },
          'The file of this experiment is gone: what its journal says can be read, and nothing of it be run.',
        ),
      );
    for (const problem of overview.problems ?? []) lines.push(h('p', { class: 'notice' }, problem));
    for (const [name, each] of Object.entries(overview.data)) {
      lines.push(h('p', { class: 'muted' }, `Data set ${name}: ${each.place}: ${each.told}`));
      const changed = each.changed_in;
      if (changed.length)
        lines.push(
          h('p', { class: 'notice' }, `Data set ${name} was another one when trial ${changed.join(', ')} began.`),
        );
    }
    fill(this.why, lines);
  }

  /** @param {any} overview */
  showButtons(overview) {
    const { can, why_not: why } = overview;
    const run = this.run;
    const now = () => this.overview;
    const ended = overview.ended !== null;
    const focused = this.buttons.contains(document.activeElement) ? document.activeElement?.textContent : null;
    fill(
      this.buttons,
      ended && !can.stop ? null : actButton('Stop …', can.stop, why.stop, () => stop(run, now()), 'danger'),
      ended
        ? actButton('Extend …', can.extend, why.extend, () => extend(run, now()))
        : actButton('Edit …', can.edit, why.edit, () => edit(run, now())),
      actButton('Clone …', can.clone, why.clone, () => clone(run, now())),
      ended ? actButton('Deploy …', now().best !== null, 'no trial of it has succeeded, so there is no model', () => deploy(run)) : null,
      actButton('Name, tags …', can.label, why.label, () => write('this run', run.path, now().label)),
      h('a', { class: 'button', href: `compare?run=${encodeURIComponent(`${run.experiment}/${run.run}`)}` }, 'Compare'),
    );
    for (const button of this.buttons.children)
      if (button.textContent === focused) /** @type {HTMLElement} */ (button).focus();
  }
}

/**
 * The trial of the defaults, and what the search has gained over it: above 0 where it is better, whatever the direction.
 * @param {any} baseline @param {(n: number) => Node} trial
 */
function baselineOf(baseline, trial) {
  const { value, gain, relative_gain: share } = baseline;
  const text = gain === null ? '–' : `${gain > 0 ? '+' : ''}${number(gain)}${share === null ? '' : ` (${number(100 * share)} %)`}`;
  return ['Better than the defaults by', text, [trial(baseline.trial), value === null ? '' : `: ${number(value)}`]];
}

/** @param {any} o @param {{experiment: string, run: string}} run */
function figuresOf(o, run) {
  const { tao, best } = o;
  const trial = (n) => h('a', { href: pageOf(run.experiment, run.run, n) }, `trial ${n}`);
  const current = tao.current_trial;
  const parts = [
    o.counts.FAILED ? `${o.counts.FAILED} failed` : '',
    o.counts.EARLY_STOPPED ? `${o.counts.EARLY_STOPPED} stopped early` : '',
    o.counts.RUNNING ? `${o.counts.RUNNING} running` : '',
  ]
    .filter(Boolean)
    .join(', ');
  return figures(
    [
      o.goal.objectives.length > 1
        ? [
            'Knee of the front',
            best ? trial(best.trial) : '–',
            best
              ? o.goal.objectives.map((each) => `${each.metric} ${number(best.metrics[each.metric])}`).join(', ')
              : null,
          ]
        : [`Best ${o.goal.metric}`, best ? number(best.value) : '–', best ? trial(best.trial) : o.goal.direction],
      ...(o.baseline ? [baselineOf(o.baseline, trial)] : []),
      [
        'Trials',
        `${number(o.done)} of ${number(o.limits.max_trials ?? o.plan.trials ?? o.slots)}`,
        [bar(o.fraction, 'Progress'), `${percent(o.fraction)} done`, parts ? `: ${parts}` : ''],
      ],
      [
        'Current trial',
        current === null ? '–' : trial(current),
        tao.running_trials.length > 1 ? `${tao.running_trials.length} at once` : null,
      ],
      ...(tao.units ? [[`${tao.units} left`, number(tao.units_left), 'over all trials']] : []),
      [
        'Time left',
        o.ended === null ? duration(tao.seconds_left) : '–',
        tao.eta === null ? null : `until ${time(tao.eta)}`,
      ],
      [
        `Time per ${tao.units ? tao.units.replace(/s$/, '') : 'trial'}`, // without a budget a trial is the unit
        duration(tao.seconds_per_unit),
        null,
      ],
      ['Elapsed', duration(o.elapsed), `since ${time(o.created)}; training ${duration(o.training_seconds)}`],
      ...(o.cost || o.forecast.cost_left // else nothing has a price
        ? [
            [
              'Cost',
              cost(o.cost),
              o.forecast.cost_left && o.ended === null ? `about ${cost(o.forecast.cost_left)} to come` : null,
            ],
          ]
        : []),
      ['Algorithm', o.algorithm, o.plan.note || null],
    ],
    o.ended === null,
  );
}
