// States of trials and experiments: a name, a shape and a colour, so that no state is told by colour alone.

import { h } from './dom.js';

/** @typedef {{label: string, symbol: string, glyph: string, tone: string, hollow?: boolean}} Look */

const CROSS = 'path://M1,0 L5,4 L9,0 L10,1 L6,5 L10,9 L9,10 L5,6 L1,10 L0,9 L4,5 L0,1 Z';
const DOWN = 'path://M0,0 L10,0 L5,9 Z';

/** @type {Record<string, Look>} */
export const LOOKS = {
  SUCCEEDED: { label: 'Succeeded', symbol: 'circle', glyph: '●', tone: 'good' },
  RUNNING: { label: 'Running', symbol: 'diamond', glyph: '◆', tone: 'busy' },
  WAITING: { label: 'Waiting', hollow: true, symbol: 'diamond', glyph: '◇', tone: 'idle' },
  QUEUED: { label: 'Queued', hollow: true, symbol: 'diamond', glyph: '◇', tone: 'idle' },
  CREATED: { label: 'Created', hollow: true, symbol: 'diamond', glyph: '◇', tone: 'idle' },
  FAILED: { label: 'Failed', symbol: CROSS, glyph: '✕', tone: 'bad' },
  EARLY_STOPPED: { label: 'Stopped early', symbol: DOWN, glyph: '▼', tone: 'early' },
  USER_CANCELED: { label: 'Cancelled by a user', symbol: 'rect', glyph: '■', tone: 'ended' },
  SYS_CANCELED: { label: 'Cancelled', hollow: true, symbol: 'rect', glyph: '□', tone: 'ended' },
  FINISHED: { label: 'Finished', symbol: 'circle', glyph: '●', tone: 'good' },
  NO_MORE_TRIAL: { label: 'No more trials', symbol: 'circle', glyph: '●', tone: 'good' },
  // versions of a model
  OFFERED: { label: 'Offered', hollow: true, symbol: 'diamond', glyph: '◇', tone: 'idle' },
  EVALUATED: { label: 'Evaluated', symbol: 'diamond', glyph: '◆', tone: 'busy' },
  ASKED: { label: 'Waits for an answer', symbol: 'diamond', glyph: '◆', tone: 'early' },
  ACCEPTED: { label: 'Accepted', hollow: true, symbol: 'circle', glyph: '○', tone: 'good' },
  REJECTED: { label: 'Rejected', symbol: CROSS, glyph: '✕', tone: 'bad' },
  EXPIRED: { label: 'Not answered in time', hollow: true, symbol: 'rect', glyph: '□', tone: 'ended' },
  ROLLING_OUT: { label: 'Rolling out', symbol: 'diamond', glyph: '◆', tone: 'busy' },
  IN_USE: { label: 'In use', symbol: 'circle', glyph: '●', tone: 'good' },
  REPLACED: { label: 'Replaced', symbol: 'rect', glyph: '■', tone: 'ended' },
  TAKEN_BACK: { label: 'Taken back', symbol: DOWN, glyph: '▼', tone: 'bad' },
  RETIRED: { label: 'Retired', symbol: 'rect', glyph: '■', tone: 'ended' },
};

/** States of trials in the order of legends and filters. */
export const TRIAL_STATES = [
  'SUCCEEDED',
  'EARLY_STOPPED',
  'FAILED',
  'RUNNING',
  'WAITING',
  'USER_CANCELED',
  'SYS_CANCELED',
];

/** @param {string} state @returns {Look} */
export const look = (state) => LOOKS[state] ?? { label: state, symbol: 'circle', glyph: '○', tone: 'idle' };

/** A state as a person reads it, with its shape. @param {string} state */
export function badge(state) {
  const { label, glyph, tone } = look(state);
  return h(
    'span',
    { class: `badge ${tone}`, 'data-state': state },
    h('span', { 'aria-hidden': 'true' }, glyph),
    ` ${label}`,
  );
}
