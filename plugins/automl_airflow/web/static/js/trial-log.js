// The log of an attempt as Airflow keeps it, read on while it is written.

import { airflowLink, fill, h } from './dom.js';

const EVERY = 3000;

/** Lines that are shown at most: the last ones. */
const MOST = 5000;

/** Seconds by which a line of a lane's log may lie outside of its attempt. */
const SLACK = 2;

const REFUSED = {
  401: 'You are not signed in any more: sign in to Airflow and reload.',
  403: 'You have not the right to read logs of this DAG’s tasks in Airflow.',
  404: 'Airflow has no log of this attempt (yet, or any more).',
};

export class TrialLog {
  constructor() {
    this.pick = /** @type {HTMLSelectElement} */ (
      h('select', { 'aria-label': 'Attempt', onchange: () => this.begin(this.attempts[Number(this.pick.value)]) })
    );
    this.follow = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', checked: true }));
    this.out = h('span');
    this.text = h('pre', {
      class: 'log',
      tabindex: 0,
      role: 'log',
      'aria-label': 'Log of the attempt',
      'aria-live': 'off',
    });
    this.said = h('p', { class: 'muted', role: 'status' });
    this.element = h(
      'section',
      { class: 'card', id: 'log' },
      h(
        'div',
        { class: 'row spread' },
        h('h2', {}, 'Log'),
        h('div', { class: 'row' }, this.pick, h('label', {}, this.follow, ' to the end'), this.out),
      ),
      this.said,
      this.text,
    );
    /** @type {any[]} */
    this.attempts = [];
    /** @type {any} */
    this.attempt = null;
    this.seen = false;
    new IntersectionObserver((entries) => {
      this.seen = entries[entries.length - 1].isIntersecting;
      if (this.seen) void this.read();
    }).observe(this.element);
    setInterval(() => {
      if (this.seen && !document.hidden && this.goesOn) void this.read();
    }, EVERY);
  }

  /** The attempts of the trial; the newest is shown until another is picked. @param {any[]} attempts */
  show(attempts) {
    const known = attempts.filter((each) => each.lines);
    this.element.hidden = !known.length;
    const more = known.length !== this.attempts.length;
    this.attempts = known;
    if (more) {
      fill(
        this.pick,
        known.map((each, i) =>
          h('option', { value: i, selected: i === known.length - 1 }, `${each.task}, attempt ${each.number}`),
        ),
      );
      if (known.length) this.begin(known[known.length - 1]);
    } else if (this.attempt) {
      this.attempt =
        known.find((each) => each.lines === this.attempt.lines && each.started === this.attempt.started) ??
        this.attempt;
    }
  }

  /** @param {any} attempt */
  begin(attempt) {
    this.attempt = attempt;
    this.token = null;
    this.goesOn = true;
    /** @type {string[]} */
    this.lines = [];
    this.text.textContent = '';
    fill(this.out, attempt.log ? airflowLink(attempt.log, 'in Airflow') : null);
    fill(this.said, 'Loading …');
    if (this.seen) void this.read();
  }

  async read() {
    const { attempt } = this;
    if (!attempt || this.busy || (this.lines?.length && !this.goesOn)) return;
    this.busy = true;
    try {
      const address = new URL(attempt.lines, document.baseURI);
      if (this.token) address.searchParams.set('token', this.token);
      const answer = await fetch(address, { headers: { Accept: 'application/json' }, credentials: 'same-origin' });
      if (!answer.ok) throw new Error(REFUSED[answer.status] ?? `Airflow answered ${answer.status}.`);
      const body = await answer.json();
      if (attempt !== this.attempt && attempt.lines !== this.attempt.lines) return;
      this.token = body.continuation_token;
      const running = this.attempt.state === 'RUNNING';
      this.goesOn = running && Boolean(this.token);
      this.take(body.content ?? []);
      fill(this.said, this.lines.length ? '' : running ? 'Nothing was written yet.' : 'The log is empty.');
    } catch (error) {
      this.goesOn = this.attempt.state === 'RUNNING';
      fill(this.said, error instanceof Error ? error.message : String(error));
    } finally {
      this.busy = false;
      if (attempt !== this.attempt && attempt.lines !== this.attempt.lines) void this.read();
    }
  }

  /** @param {any[]} content */
  take(content) {
    const { started, ended, lane } = this.attempt;
    for (const each of content) {
      const text = typeof each === 'string' ? each : String(each.event ?? '');
      if (/^::(end)?group::/.test(text)) continue;
      if (lane !== null && lane !== undefined && each.timestamp) {
        // a lane's try has the lines of trial after trial
        const at = Date.parse(each.timestamp) / 1000;
        if (at < started - SLACK || (ended !== null && at > ended + SLACK)) continue;
      }
      this.lines.push(text);
      for (const fault of each.error_detail ?? []) this.lines.push(`${fault.exc_type}: ${fault.exc_value}`);
    }
    if (this.lines.length > MOST)
      this.lines = [`… ${this.lines.length - MOST} lines before are left out`, ...this.lines.slice(-MOST)];
    this.text.textContent = this.lines.join('\n');
    if (this.follow.checked) this.text.scrollTop = this.text.scrollHeight;
  }
}
