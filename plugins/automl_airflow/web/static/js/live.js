// Live updates of a run: what the server pushes, gathered so that a viewer asks at most every 1.5 seconds.

import { apiAddress } from './api.js';

/** Milliseconds between two refreshes; an update still shows well within three seconds. */
const EVERY = 1500;

/**
 * Follows a run until it has ended or the page is left. A page that nobody sees waits until it is seen again.
 *
 * @param {string} path of the run in the API
 * @param {object} options
 * @param {number} options.since what the page has shown already
 * @param {(seq: number, trials: Set<number> | null) => Promise<void>} options.refresh is never called while it runs;
 *   `trials` changed, null where there are too many to name
 * @param {(text: string) => void} options.say how the connection stands
 * @returns {() => void} ends it
 */
export function follow(path, { since, refresh, say }) {
  const source = new EventSource(apiAddress(`${path}/events`));
  let seen = since;
  let newest = since;
  let busy = false;
  let last = 0;
  let ended = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Set<number> | null} */
  let changed = new Set();

  async function run() {
    timer = undefined;
    if (busy || document.hidden || newest <= seen) return;
    busy = true;
    last = performance.now();
    const upTo = newest;
    const trials = changed;
    changed = new Set();
    try {
      await refresh(upTo, trials);
      seen = upTo;
      say(ended ? 'ended' : 'live');
    } catch (error) {
      changed = null;
      say('can’t be refreshed now; tries again');
      last = performance.now() + 3000;
      console.warn(error);
    } finally {
      busy = false;
      soon();
    }
  }

  function soon() {
    if (timer !== undefined || busy || newest <= seen) return;
    timer = setTimeout(run, Math.max(0, last + EVERY - performance.now()));
  }

  /** @param {MessageEvent} event */
  function note(event) {
    const news = JSON.parse(event.data);
    newest = Math.max(newest, news.seq);
    if (news.trials === null) changed = null;
    else for (const trial of news.trials ?? []) changed?.add(trial);
    soon();
  }

  source.addEventListener('open', () => say('live'));
  source.addEventListener('changed', note);
  source.addEventListener('ended', (event) => {
    ended = true;
    source.close();
    say('ended');
    note(event);
  });
  source.addEventListener('error', () =>
    say(source.readyState === EventSource.CLOSED ? 'not connected' : 'connecting again …'),
  );
  document.addEventListener('visibilitychange', soon);
  const stop = () => {
    source.close();
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', soon);
  };
  window.addEventListener('pagehide', stop, { once: true });
  return stop;
}
