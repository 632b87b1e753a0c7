// Live updates of a run: what the server pushes, gathered so that a viewer asks at most every 1.5 seconds.

import { apiAddress } from './api.js';

/** Milliseconds between two refreshes; an update still shows well within three seconds. */
const EVERY = 1500;

/** Milliseconds before a connection that was refused is tried again: at first, and at most. */
const AGAIN = [5000, 60000];

/** Milliseconds after an act in which an ended run is looked at again: Airflow takes a while to begin anew. */
const AFTER_ACT = 120000;

/**
 * Follows a run until it has ended or the page is left.
 *
 * A page that nobody sees holds no connection: a browser has six for all pages of a server, Airflow's own among them.
 * One that comes back, from behind another tab or by the back button, shows at once how the run stands then.
 *
 * @param {string} path of the run in the API
 * @param {object} options
 * @param {number} options.since what the page has shown already
 * @param {(seq: number, trials: Set<number> | null) => Promise<void>} options.refresh is never called while it runs;
 *   `trials` changed, null where there are too many to name
 * @param {(text: string) => void} options.say how the connection stands
 * @param {() => boolean} [options.over] whether the page shows that the run has ended
 */
export function follow(path, { since, refresh, say, over = () => true }) {
  /** @type {EventSource | null} */
  let source = null;
  let seen = since;
  let newest = since;
  let busy = false;
  let forced = false;
  let last = 0;
  let ended = false;
  let refused = 0;
  let watchUntil = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;
  /** @type {Set<number> | null} */
  let changed = new Set();

  async function run() {
    timer = undefined;
    if (busy || document.hidden || (newest <= seen && !forced)) return;
    busy = true;
    forced = false;
    last = performance.now();
    const upTo = newest;
    const trials = changed;
    changed = new Set();
    try {
      await refresh(upTo, trials);
      seen = upTo;
      if (ended) say('ended');
      else if (source) say('live');
    } catch (error) {
      changed = null;
      forced = true;
      say('can’t be refreshed now; tries again');
      last = performance.now() + 3000;
      console.warn(error);
    } finally {
      busy = false;
      soon();
    }
  }

  function soon() {
    if (timer !== undefined || busy || (newest <= seen && !forced)) return;
    timer = setTimeout(run, Math.max(0, last + EVERY - performance.now()));
  }

  /** Asks for everything, whatever the events say. */
  function catchUp() {
    changed = null;
    forced = true;
    soon();
  }

  /** @param {MessageEvent} event */
  function note(event) {
    const news = JSON.parse(event.data);
    newest = Math.max(newest, news.seq);
    if (news.trials === null) changed = null;
    else for (const trial of news.trials ?? []) changed?.add(trial);
    soon();
  }

  function open() {
    clearTimeout(later);
    if (source || document.hidden) return;
    source = new EventSource(apiAddress(`${path}/events`));
    source.addEventListener('open', () => {
      refused = 0;
      say('live');
    });
    source.addEventListener('changed', (event) => {
      ended = false;
      note(event);
    });
    source.addEventListener('ended', (event) => {
      ended = true;
      close();
      say('ended');
      note(event);
      if (!over()) catchUp(); // ended in Airflow: the journal has no record of it
      if (performance.now() < watchUntil) later = setTimeout(open, 3000);
    });
    source.addEventListener('error', () => {
      if (source?.readyState !== EventSource.CLOSED) return say('connecting again …');
      // refused, by the server or by what stands before it: the browser gives up there
      close();
      const wait = Math.min(AGAIN[1], AGAIN[0] * 2 ** refused);
      refused += 1;
      say('not connected; tries again');
      later = setTimeout(() => {
        open();
        catchUp();
      }, wait);
    });
  }

  function close() {
    clearTimeout(later);
    source?.close();
    source = null;
  }

  function comeBack() {
    if (document.hidden) return close();
    if (source) return;
    open(); // a run that had ended may have been extended meanwhile: its first event says so
    if (!ended) catchUp();
  }

  document.addEventListener('visibilitychange', comeBack);
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', (event) => event.persisted && comeBack());
  document.addEventListener('automl:acted', () => {
    watchUntil = performance.now() + AFTER_ACT;
    open();
    catchUp();
  });
  open();
}
