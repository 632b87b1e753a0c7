// One combination of the file in the editor, run on the API server's machine: its lines as they come, and what it showed.

import { actAndHear } from './api.js';
import { explain } from './dialog.js';
import { field, fill, h } from './dom.js';
import { bytes, duration, many, number, setting } from './format.js';
import { plainTable } from './run-details.js';

/** Lines that are shown at most: the last ones. */
const MOST = 2000;

const LIMITS = [60, 120, 300, 600];

export class TryPanel {
  /** @param {() => string} text gives the file @param {number} longest seconds that a try may take */
  constructor(text, longest) {
    this.text = text;
    /** @type {AbortController | null} */
    this.going = null;
    this.fits = false;
    /** @type {string[]} */
    this.lines = [];
    this.go = /** @type {HTMLButtonElement} */ (
      h('button', { type: 'button', disabled: true, onclick: () => this.begin() }, 'Try')
    );
    this.end = /** @type {HTMLButtonElement} */ (
      h('button', { type: 'button', disabled: true, onclick: () => this.going?.abort() }, 'End it')
    );
    this.values = /** @type {HTMLInputElement} */ (
      h('input', { type: 'text', size: 36, placeholder: 'learning_rate=0.01 units=64', spellcheck: 'false' })
    );
    this.limit = /** @type {HTMLSelectElement} */ (
      h(
        'select',
        {},
        LIMITS.filter((each) => each <= longest).map((each) =>
          h('option', { value: String(each), selected: each === 120 }, duration(each)),
        ),
      )
    );
    this.said = h('p', { class: 'muted', role: 'status', id: 'try-state' });
    this.refused = h('div', { class: 'problems', role: 'alert' });
    this.found = h('div', { id: 'try-result' });
    this.log = h('pre', { class: 'log', tabindex: 0, role: 'log', 'aria-label': 'What it printed', 'aria-live': 'off' });
    this.element = h(
      'section',
      { class: 'card', id: 'try', style: 'margin-top:1rem' },
      h('h2', {}, 'Try'),
      h(
        'p',
        { class: 'hint' },
        'Runs the command once on this server, with the defaults of the file, and says what a trial would make of it. ',
        'It ends when you leave the page.',
      ),
      h(
        'div',
        { class: 'toolbar' },
        field('Values other than the defaults', this.values),
        field('End after', this.limit),
        this.go,
        this.end,
      ),
      this.refused,
      this.said,
      this.found,
      this.log,
    );
  }

  /** Whether the file in the editor is one that can be tried. @param {boolean} fits */
  allow(fits) {
    this.fits = fits;
    this.go.disabled = !fits || this.going !== null;
  }

  async begin() {
    const going = (this.going = new AbortController());
    this.go.disabled = true;
    this.end.disabled = false;
    this.lines = [];
    fill(this.refused);
    fill(this.found);
    fill(this.log);
    fill(this.said, 'It begins …');
    let ended = false;
    try {
      const body = { text: this.text(), set: valuesOf(this.values.value), seconds: Number(this.limit.value) };
      await actAndHear('try', body, (event) => (ended = this.hear(event) || ended), going.signal);
      if (!ended) throw new Error('The connection was lost, and with it the try has ended.');
    } catch (error) {
      fill(this.said, going.signal.aborted ? 'Ended, as you asked.' : '');
      if (!going.signal.aborted) explain(this.refused, error);
    } finally {
      this.going = null;
      this.end.disabled = true;
      this.allow(this.fits);
    }
  }

  /** @param {any} event @returns {boolean} whether it was the last one */
  hear(event) {
    if (event.lines?.length) {
      const low = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 30;
      this.lines = [...this.lines, ...event.lines].slice(-MOST);
      fill(this.log, this.lines.join('\n'));
      if (low) this.log.scrollTop = this.log.scrollHeight;
    }
    if (!event.ended) {
      if (event.seconds !== undefined) fill(this.said, `It runs: ${duration(event.seconds)}`);
      return false;
    }
    fill(this.said, event.left_out ? `${many(event.left_out, 'more line')} of output were not sent.` : '');
    fill(
      this.found,
      event.problem
        ? h('p', { class: 'notice' }, h('strong', {}, 'It does not work: '), event.problem)
        : h('p', {}, h('span', { class: 'tone-good' }, '✓ '), 'It works.'),
      event.result ? shown(event.result) : null,
    );
    return true;
  }
}

/** `lr=0.01 solver=adam` as values; what is no JSON is text. @param {string} text */
function valuesOf(text) {
  /** @type {Record<string, any>} */
  const values = {};
  for (const part of text.match(/(?:\[[^\]]*\]|[^\s,[])+/g) ?? []) {
    const [name, ...rest] = part.split('=');
    if (!name || !rest.length) throw new Error(`${part}: name=value is wanted, such as units=64`);
    values[name] = valueOf(rest.join('='));
  }
  return values;
}

/** One value: JSON, a list with or without quotes, or text. @param {string} text @returns {any} */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    const members = text.match(/^\[(.*)\]$/)?.[1];
    return members === undefined ? text : members.split(',').map((each) => valueOf(each.trim()));
  }
}

/** What a try has shown. @param {any} result */
function shown(result) {
  const { judged } = result;
  const at = judged.step === null ? '' : `, at step ${judged.step}`;
  const sizes = /** @type {number[]} */ (Object.values(result.model_files));
  const facts = [
    ['Combination', Object.entries(result.params).map(([name, value]) => `${name}=${setting(value)} `)],
    ...result.tasks.flatMap((/** @type {any} */ task) => [
      [task.name, h('code', {}, typeof task.command === 'string' ? task.command : task.command.join(' '))],
      ['in', `${task.cwd}, with ${task.program ?? 'no such program'}`],
      ['Ended', `${task.ended}, ${duration(task.seconds)}, ${many(task.lines, 'line')} of output`],
    ]),
    ...(judged.value === null
      ? []
      : [['Judged', `${judged.label} ${number(judged.value)} (${judged.final}${at}; ${judged.direction})`]]),
    ...judged.constraints.map((/** @type {any} */ each) => [
      'Constraint',
      `${each.constraint}: ${each.holds === null ? 'its metric was not reported' : each.holds ? 'holds' : 'does not hold'}`,
    ]),
    ...(sizes.length
      ? [['Model', `${many(sizes.length, 'file')}, ${bytes(sizes.reduce((sum, size) => sum + size, 0))}`]]
      : []),
  ];
  const metrics = result.tasks.flatMap((/** @type {any} */ task) => task.metrics);
  return [
    plainTable(['What', 'What it was'], facts, 'What was tried'),
    metrics.length
      ? plainTable(
          ['Metric', 'Values', 'First', 'Last', 'Steps'],
          metrics.map((/** @type {any} */ each) => [
            each.wanted ? h('strong', {}, each.name) : each.name,
            number(each.count),
            number(each.first),
            number(each.last),
            each.count === 1 ? `${each.first_step}` : `${each.first_step} to ${each.last_step}`,
          ]),
          'Metrics that were seen',
        )
      : h('p', {}, 'No metric was seen.'),
  ];
}
