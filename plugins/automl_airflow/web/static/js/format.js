// Numbers, times and names as people read them.

const plain = new Intl.NumberFormat('en', { maximumSignificantDigits: 5, useGrouping: false });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A value in five digits, "–" where there is none. @param {any} value */
export function number(value) {
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value))
    return Math.abs(value) < 1e15 ? whole.format(value).replaceAll(',', '\u202f') : String(value);
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(3).replace(/\.?0+e/, 'e') : plain.format(value);
}

/** A parameter's value. @param {any} value */
export function setting(value) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return number(value).replaceAll('\u202f', '');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Seconds as 12 ms, 3.2 s, 4 min 10 s, 2 h 5 min, 3 d 4 h. @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds > 0 && seconds < 0.1) return `${Number((seconds * 1000).toPrecision(2))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** The zone that is chosen in Airflow, which keeps it in this browser; the reader's own where none is. */
function zone() {
  try {
    const kept = window.localStorage.getItem('timezone')?.replace(/^"|"$/g, '');
    return kept ? new Intl.DateTimeFormat('en', { timeZone: kept }).resolvedOptions().timeZone : undefined;
  } catch {
    return undefined; // storage is switched off, or no such zone
  }
}

const clock = new Intl.DateTimeFormat('en', {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZone: zone(),
});

/** Day and time of day as Airflow writes them. @param {number} seconds since 1970 @returns {[string, string]} */
function moment(seconds) {
  const part = Object.fromEntries(clock.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
  return [`${part.year}-${part.month}-${part.day}`, `${part.hour}:${part.minute}:${part.second}`];
}

/** A time as Airflow's own pages write it, in the same zone: 2026-11-28 23:56:30. @param {number | null | undefined} seconds since 1970 */
export const time = (seconds) => (seconds === null || seconds === undefined ? '–' : moment(seconds).join(' '));

/** A time in few letters, for tables: the hour of today, else the day with its hour. @param {number | null | undefined} seconds */
export function briefTime(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const [day, at] = moment(seconds);
  const brief = at.slice(0, 5);
  return day === moment(Date.now() / 1000)[0] ? brief : `${day} ${brief}`;
}

/** What was or will be paid. @param {number | null | undefined} value */
export function cost(value) {
  if (value === null || value === undefined) return '–';
  return value === 0 ? '0' : value < 0.01 ? value.toPrecision(2) : value.toFixed(2);
}

/** A share as a percentage. @param {number | null | undefined} value */
export const percent = (value) => (value === null || value === undefined ? '–' : `${Math.floor(value * 100)} %`);

/** Size of a file. @param {number | null | undefined} bytes */
export function bytes(bytes) {
  if (bytes === null || bytes === undefined) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** "1 trial", "3 trials". @param {number} count @param {string} noun */
export const many = (count, noun) => `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
