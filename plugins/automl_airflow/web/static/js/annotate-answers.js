// Answers on their way to the server. Each is kept in the browser until the server has said that it has it: what was
// answered while the server is away, or just before the page went, is sent later, and once only counts.
//
// Sending the same answer again is harmless: the server knows it by item, author and label. An answer that takes the
// place of another says which (`was`), so that a late one never takes the place of a newer one.

import { ApiError } from './api.js';

/** Milliseconds that an answer waits for others, and for second thoughts. */
const HOLD = 2000;

/** Milliseconds before what could not be sent is sent again. */
const AGAIN = [1000, 2000, 5000, 10000, 15000];

/** Answers sent in one go. */
const MOST = 50;

/** Milliseconds between two signs of life of a tab, and without one after which it is taken to be gone. */
const BEAT = 10000;
const GONE = 180000;

const STEM = 'automl:answers:';
const BEATS = 'automl:annotating:';

/**
 * @typedef {object} Given
 * @property {string} item
 * @property {string} label '' where nobody can tell
 * @property {boolean} skipped
 * @property {number} seconds
 * @property {number} at when it was given, milliseconds since 1970 by this machine
 * @property {string} shown digest of what was on the page
 * @property {string | null} was the answer of the same person that this one takes the place of; null: none
 * @property {boolean} [tried] whether the server may have it already
 */

export class Answers {
  /**
   * @param {object} options
   * @param {string} options.project
   * @param {string} options.user who answers: nobody else's answers are sent from here
   * @param {(answers: Given[], keepalive: boolean) => Promise<any>} options.send
   * @param {() => void} options.changed there are more or fewer of them, or the server is away or back
   * @param {(refused: Array<{item: string, why: string}>) => void} options.refused
   * @param {(body: any) => void} [options.sent]
   */
  constructor({ project, user, send, changed, refused, sent = () => {} }) {
    const whose = `${encodeURIComponent(user)}:${encodeURIComponent(project)}:`;
    this.stem = STEM + whose;
    this.beats = BEATS + whose;
    this.tab = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
    this.send = send;
    this.changed = changed;
    this.refused = refused;
    this.sent = sent;
    /** @type {Given[]} */
    this.waiting = [];
    /** @type {Given[]} those that the server is being told now */
    this.going = [];
    this.tries = 0;
    this.problem = '';
    this.kept = true; // whether what waits outlives the page
    this.adopted = 0; // how many pages that are gone have left
    /** @type {Map<string, number>} item → when the server said that it has its answer, by `performance.now` */
    this.confirmed = new Map();
    this.single = false; // whether they are sent one by one, since one of several was not taken
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.due = Infinity;
  }

  /** Takes over what tabs that are gone have left, and goes on doing so. */
  start() {
    this.beat();
    this.adopt();
    setInterval(() => this.beat(), BEAT);
    setInterval(() => this.adopt(), GONE / 3);
    window.addEventListener('online', () => this.soon(0));
    window.addEventListener('pagehide', () => this.leave());
    document.addEventListener('visibilitychange', () => document.hidden && this.soon(0));
    window.addEventListener('beforeunload', (event) => {
      if (this.open && !this.kept) event.preventDefault(); // the browser asks whether to leave
    });
  }

  /** How many the server has not got yet. */
  get open() {
    return this.waiting.length + this.going.length;
  }

  /** @param {Given} given */
  add(given) {
    this.waiting.push(given);
    this.keep();
    this.soon(this.tries ? Infinity : HOLD); // where the server is away, its turn comes
    this.changed();
  }

  /** Takes one back that the server can't have. @param {string} item @returns {Given | null} */
  takeBack(item) {
    const at = this.waiting.findLastIndex((each) => each.item === item && !each.tried);
    if (at < 0) return null;
    const [given] = this.waiting.splice(at, 1);
    this.keep();
    this.changed();
    return given;
  }

  /** Sends within so many milliseconds. @param {number} within */
  soon(within) {
    const due = performance.now() + within;
    if (due >= this.due && this.timer !== undefined) return;
    clearTimeout(this.timer);
    if (within === Infinity) {
      this.timer = undefined;
      return;
    }
    this.due = due;
    this.timer = setTimeout(() => void this.flush(), within);
  }

  async flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.due = Infinity;
    if (this.going.length || !this.waiting.length) return;
    this.going = this.waiting.splice(0, this.single ? 1 : MOST);
    this.mark(this.going);
    try {
      const body = await this.send(this.going, false);
      this.done(body);
    } catch (error) {
      this.failed(error);
    }
    this.changed();
  }

  /** Notes that the server may have these from now on. @param {Given[]} given */
  mark(given) {
    for (const each of given) each.tried = true;
    this.keep();
  }

  /** @param {any} body what the server has answered */
  done(body) {
    for (const each of this.going) this.confirmed.set(each.item, performance.now());
    this.going = [];
    this.tries = 0;
    this.problem = '';
    this.single = this.single && this.waiting.length > 0;
    this.keep();
    this.sent(body);
    if (body?.refused?.length) this.refused(body.refused);
    if (this.waiting.length) this.soon(this.single ? 0 : HOLD);
  }

  /** @param {unknown} error */
  failed(error) {
    const status = error instanceof ApiError ? error.status : 0;
    const said = error instanceof Error ? error.message : String(error);
    const wrong = [400, 413, 422].includes(status);
    if (wrong && this.going.length === 1) {
      // the server will never take it: it is not kept for ever, and not dropped in silence
      const [given] = this.going;
      this.done({ refused: [{ item: given.item, why: said }] });
      return;
    }
    this.waiting.unshift(...this.going);
    this.going = [];
    this.single = this.single || wrong; // one of them is not taken: one by one shows which
    this.problem = wrong ? '' : said;
    const wait = wrong ? 0 : AGAIN[Math.min(this.tries, AGAIN.length - 1)];
    this.tries += wrong ? 0 : 1;
    this.soon(wait);
  }

  /** Writes them where they outlive the page. */
  keep() {
    try {
      const all = [...this.going, ...this.waiting];
      if (all.length) localStorage.setItem(this.stem + this.tab, JSON.stringify(all));
      else localStorage.removeItem(this.stem + this.tab);
      this.kept = true;
    } catch {
      this.kept = false; // storage is switched off or full: they are kept as long as the page is
    }
  }

  beat() {
    try {
      localStorage.setItem(this.beats + this.tab, String(Date.now()));
    } catch {
      // as above
    }
  }

  /** Takes over answers of this user that a tab has left which is gone. */
  adopt() {
    try {
      for (const key of keysIn(localStorage)) {
        if (key.startsWith(BEATS) && !isAlive(key)) localStorage.removeItem(key);
        if (!key.startsWith(this.stem) || key === this.stem + this.tab) continue;
        if (isAlive(this.beats + key.slice(this.stem.length))) continue;
        const known = new Set(this.waiting.map((each) => `${each.item} ${each.label}`));
        const more = givenIn(localStorage.getItem(key)).filter((each) => !known.has(`${each.item} ${each.label}`));
        this.waiting.unshift(...more.map((each) => ({ ...each, tried: true })));
        this.adopted += more.length;
        this.keep(); // first here, then no more there
        if (this.kept) localStorage.removeItem(key);
      }
    } catch {
      // storage is switched off
    }
    if (this.waiting.length) this.soon(0);
    this.changed();
  }

  /** Whether the same person has another page of the project open in this browser. */
  get others() {
    try {
      return keysIn(localStorage).some((key) => key.startsWith(this.beats) && key !== this.beats + this.tab && isAlive(key));
    } catch {
      return false;
    }
  }

  /** Whether an item is answered as far as the server could not know at a time. @param {string} item @param {number} asked when it was asked, by `performance.now` */
  has(item, asked) {
    return [...this.going, ...this.waiting].some((each) => each.item === item) || (this.confirmed.get(item) ?? -1) >= asked;
  }

  /** The page goes: what waits is sent without waiting for an answer, and stays kept until another page has one. */
  leave() {
    const last = this.waiting.slice(0, MOST);
    if (last.length) {
      this.mark(last);
      void this.send(last, true).catch(() => {});
    }
    try {
      localStorage.removeItem(this.beats + this.tab);
    } catch {
      // as above
    }
  }
}

/** @param {Storage} storage */
const keysIn = (storage) => Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '');

/** @param {string} key under which a tab gives signs of life */
function isAlive(key) {
  const beat = Number(localStorage.getItem(key));
  return beat > 0 && Date.now() - beat < GONE;
}

/** Answers in what a tab has left; none where somebody else wrote there, which keeps no other tab's from being sent. @param {string | null} text @returns {Given[]} */
function givenIn(text) {
  try {
    const left = JSON.parse(text ?? '[]');
    return Array.isArray(left) ? left.filter(isGiven) : [];
  } catch {
    return [];
  }
}

/** @param {any} each @returns {each is Given} */
const isGiven = (each) => typeof each?.item === 'string' && typeof each?.label === 'string' && typeof each?.skipped === 'boolean';
