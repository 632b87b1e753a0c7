// How the ledger's figures are told.

import { number } from './format.js';

/** A share as a percentage of three digits. @param {number | null | undefined} value */
export const share = (value) => (value === null || value === undefined ? '–' : `${number(Number((100 * value).toFixed(1)))} %`);

/** A share with its interval; nothing is said of no items. @param {any} found */
export const interval = (found) => (found.of === 0 || found.value === null ? 'nothing to go by' : `${share(found.value)} (${share(found.low)} to ${share(found.high)})`);

/** A difference of accuracies, in points. @param {number} value */
const signed = (value) => `${value > 0 ? '+' : value < 0 ? '−' : '±'}${number(Number(Math.abs(100 * value).toFixed(1)))}`;

/** A gain with its interval. @param {any} gain */
export const points = (gain) => (gain.value === null ? 'no items in common' : `${signed(gain.value)} points (${signed(gain.low)} to ${signed(gain.high)})`);

/** What a point took: a value with its ends. @param {any} found @param {(value: number) => string} shown */
export function perPoint(found, shown) {
  if (found.value === null) return found.least === null ? '–' : `${shown(found.least)} or more`;
  return `${shown(found.value)} (${shown(found.least)} ${found.most === null ? 'or more' : `to ${shown(found.most)}`})`;
}

/** Krippendorff's alpha or Cohen's kappa with its interval. @param {any} found */
export function coefficient(found) {
  if (!found.items) return 'nobody has labelled the same items';
  if (found.value === null) return 'all labels are the same';
  const ends = found.low === null ? '' : ` (${number(Number(found.low.toFixed(2)))} to ${number(Number(found.high.toFixed(2)))})`;
  return `${number(Number(found.value.toFixed(2)))}${ends}`;
}

/** @type {Record<string, string>} */
export const VERDICTS = { kept: 'as demanded', below: 'below what is demanded', open: 'too few to tell' };

/** @type {Record<string, string>} */
export const REACHES = { trained: 'good', evaluates: 'good', gold: 'good', waits: 'busy' };
