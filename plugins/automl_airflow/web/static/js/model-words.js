// What models, versions and their evidence are called, wherever they are shown.

import { airflowLink, h } from './dom.js';
import { briefTime, number, time } from './format.js';
import { pageOfModel } from './parts.js';

/** Whether the conditions of the model's file are met, with a shape and a word. @param {{ok: boolean | null} | null | undefined} found */
export function verdict(found) {
  if (!found) return h('span', { class: 'muted' }, 'not evaluated yet');
  if (found.ok === true) return h('span', { class: 'badge good' }, h('span', { 'aria-hidden': 'true' }, '●'), ' met');
  if (found.ok === false)
    return h('span', { class: 'badge bad' }, h('span', { 'aria-hidden': 'true' }, '✕'), ' not met');
  return h('span', { class: 'badge idle' }, h('span', { 'aria-hidden': 'true' }, '◇'), ' can’t tell');
}

/** Who has to answer, about what, until when. @param {string} model @param {Array<any>} waiting */
export function waitsFor(model, waiting) {
  if (!waiting?.length) return '–';
  return waiting.map((each, i) => [
    i ? '; ' : '',
    h('a', { href: pageOfModel(model, each.version), 'data-key': `wait-${model}-${each.version}` }, `version ${each.version}`),
    `: ${whom(each.whom)}`,
    each.until ? h('span', { class: 'muted', title: time(each.until) }, ` until ${briefTime(each.until)}`) : '',
  ]);
}

/** @param {string[] | null | undefined} names */
export const whom = (names) => (names?.length ? names.join(', ') : 'anybody who may answer');

/** Who did something, and by what way. @param {{name: string, how: string} | null | undefined} person */
export function by(person) {
  if (!person) return '–';
  if (person.how === 'conditions') return 'the conditions';
  if (person.how === 'dag') return person.name ? `${person.name} (DAG)` : 'the DAG';
  return person.name;
}

/** A number with its sign, for differences. @param {number | null | undefined} value */
export const signed = (value) =>
  value === null || value === undefined ? '–' : `${value > 0 ? '+' : value < 0 ? '−' : '±'}${number(Math.abs(value))}`;

/** From low to high, with signs where it is a difference. @param {number | null} low @param {number | null} high @param {boolean} [difference] */
export const interval = (low, high, difference = false) => {
  if (low === null || high === null || low === undefined || high === undefined) return '–';
  const one = difference ? signed : number;
  return `${one(low)} to ${one(high)}`;
};

/** A link into Airflow, where there is something. @param {string | null | undefined} href @param {string} text */
export const inAirflow = (href, text) => (href ? airflowLink(href, text) : null);
