// The items that somebody has taken: a few ahead of the one that is looked at, kept while the person is there, given
// back when the page goes.

/** How many are had ahead, and when more are asked for. */
const AHEAD = 10;
const LOW = 5;

/** Milliseconds between two looks for more where there are none, and before what failed is tried again. */
const LOOK = 8000;
const AGAIN = 3000;

/** Items that are taken back at most. */
const UNDO = 100;

/**
 * @typedef {object} Task
 * @property {string} item
 * @property {Record<string, any>} content what people see of it
 * @property {string} shown digest of that
 * @property {number} until seconds since 1970 by the server's clock, when others may have it
 * @property {import('./annotate-answers.js').Given} [given] the answer, where it has one
 */

export class Tasks {
  /**
   * @param {object} options
   * @param {(many: number, keep: string[]) => Promise<any>} options.claim
   * @param {(items: string[], keepalive: boolean) => Promise<any>} options.release
   * @param {() => boolean} options.isThere whether somebody is at the page
   * @param {(item: string, asked: number) => boolean} options.isAnswered whether it has an answer that the server could not know when it was asked
   * @param {() => boolean} options.areAny whether there are any for this person, as far as the page knows
   * @param {(body: any) => void} options.told what the server said with them
   * @param {() => void} options.changed
   */
  constructor({ claim, release, isThere, areAny, isAnswered, told, changed }) {
    this.claim = claim;
    this.release = release;
    this.isThere = isThere;
    this.areAny = areAny;
    this.isAnswered = isAnswered;
    this.told = told;
    this.changed = changed;
    /** @type {Task[]} the first is the one that is looked at */
    this.ahead = [];
    /** @type {Task[]} answered, the newest last */
    this.answered = [];
    this.asking = false;
    this.problem = '';
    this.status = 0;
    this.none = false; // the server had none when it was asked last
    this.skew = 0; // seconds that the server's clock is before this one
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  start() {
    window.addEventListener('pagehide', () => this.leave());
    const renewing = async () => {
      await this.renew();
      setTimeout(renewing, Math.min(10000, (this.lease ?? 900) * 250)); // four times before it is over
    };
    setTimeout(renewing, 1000);
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      void this.renew();
      void this.fetch();
    });
    return this.fetch();
  }

  /** @returns {Task | undefined} */
  get now() {
    return this.ahead[0];
  }

  /** Items that are held and open. A former answer that is being changed is not: nobody else gets it. */
  get held() {
    return this.ahead.filter((each) => !each.given).map((each) => each.item);
  }

  serverNow = () => Date.now() / 1000 + this.skew;

  async fetch() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.asking || document.hidden || this.held.length > LOW) return;
    if (this.none && !this.areAny()) {
      this.timer = setTimeout(() => void this.fetch(), LOOK);
      return;
    }
    this.asking = true;
    let wait = LOOK;
    try {
      const asked = performance.now();
      const body = await this.claim(AHEAD - this.held.length, this.held);
      this.take(body, asked);
      this.problem = '';
      this.status = 200;
      this.none = body.tasks.length === 0;
      if (!this.none) wait = 0;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.status = /** @type {any} */ (error).status ?? 0;
      wait = [401, 403, 404].includes(this.status) ? LOOK * 4 : AGAIN;
    } finally {
      this.asking = false;
    }
    this.changed();
    if (this.held.length <= LOW) this.timer = setTimeout(() => void this.fetch(), Math.max(wait, 200));
  }

  /** @param {any} body @param {number} asked when, by `performance.now` */
  take(body, asked) {
    this.skew = body.now - Date.now() / 1000;
    const lost = new Set(body.lost);
    const until = new Map(Object.entries(body.kept ?? {}));
    for (const each of this.ahead) each.until = /** @type {number} */ (until.get(each.item) ?? each.until);
    this.ahead = this.ahead.filter((each) => !lost.has(each.item));
    const known = new Set(this.ahead.map((each) => each.item));
    const more = body.tasks.filter((each) => !known.has(each.item) && !this.isAnswered(each.item, asked));
    const again = new Set(more.map((each) => each.item)); // asked about anew, in a later batch
    this.answered = this.answered.filter((each) => !again.has(each.item));
    this.ahead.push(...more);
    this.told(body);
  }

  /** Keeps what is held for longer while somebody is there; what is over may be somebody else's by now. */
  async renew() {
    if (this.asking || !this.held.length) return;
    const open = this.ahead.filter((each) => !each.given);
    const left = Math.min(...open.map((each) => each.until)) - this.serverNow();
    const whole = this.lease ?? 900;
    if (left > whole / 2 || !this.isThere()) return;
    this.asking = true;
    try {
      const asked = performance.now();
      this.take(await this.claim(0, this.held), asked);
    } catch {
      // the server is away: asked again in ten seconds
    } finally {
      this.asking = false;
    }
    this.changed();
    void this.fetch(); // whoever wanted more meanwhile was not heard
  }

  /** How long a task is held, in seconds. @type {number | undefined} */
  lease = undefined;

  /** The first is answered. @param {import('./annotate-answers.js').Given} given */
  answer(given) {
    const task = this.ahead.shift();
    if (!task) return;
    task.given = given;
    this.answered.push(task);
    if (this.answered.length > UNDO) this.answered.shift();
    void this.fetch();
  }

  /** The one that was answered last comes again. @returns {Task | undefined} */
  back() {
    const task = this.answered.pop();
    if (task) this.ahead.unshift(task);
    return task;
  }

  /** Takes an item away, as the server says that it is not to be answered here. @param {string} item */
  drop(item) {
    this.ahead = this.ahead.filter((each) => each.item !== item);
    this.answered = this.answered.filter((each) => each.item !== item);
    void this.fetch();
  }

  leave() {
    const open = this.held;
    if (open.length) void this.release(open, true).catch(() => {});
  }
}
