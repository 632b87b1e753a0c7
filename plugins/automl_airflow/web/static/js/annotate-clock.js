// How long somebody looks at an item: the time that it was in view while somebody was there.

/** Milliseconds without a key, a pointer or a turn of the wheel after which nobody is taken to be there. */
const AWAY = 60000;

const SIGNS = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchstart', 'scroll'];

/** A stopwatch that stands while the page is hidden, and while nobody does anything for a minute. */
export class Clock {
  /** @param {() => number} [now] milliseconds, of a clock that never goes back */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.spent = 0;
    this.counted = now(); // up to here it is in `spent`
    this.sign = now(); // when somebody was last there
    this.seen = !document.hidden;
    for (const each of SIGNS) document.addEventListener(each, () => this.noted(), { passive: true, capture: true });
    document.addEventListener('visibilitychange', () => {
      this.count();
      this.seen = !document.hidden;
      if (this.seen) this.noted();
    });
  }

  /** Somebody is there. */
  noted() {
    this.count();
    this.sign = this.now();
  }

  /** Adds what has passed, as far as somebody was there. */
  count() {
    const now = this.now();
    if (this.seen) this.spent += Math.max(0, Math.min(now, this.sign + AWAY) - this.counted);
    this.counted = Math.max(this.counted, now);
  }

  /** Seconds since nobody was there last, 0 while somebody is. */
  get away() {
    return Math.max(0, this.now() - this.sign) / 1000;
  }

  /** Seconds that were spent since the last call of `restart`. */
  get seconds() {
    this.count();
    return Math.round(this.spent / 100) / 10;
  }

  /** Begins anew, for another item. @param {number} [seconds] that were spent on it before */
  restart(seconds = 0) {
    this.count();
    this.spent = seconds * 1000;
  }
}
