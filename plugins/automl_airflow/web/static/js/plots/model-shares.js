// Which version answered when, and what share of it: a row for each version, a bar for each time that it was in use.

import { briefTime, duration, time } from '../format.js';
import { axis, colour, frame, tip } from './shared.js';

const MOST = 12; // versions with a row of their own

/**
 * One bar for each stretch in which a version's share was the same.
 *
 * @param {Array<{time: number, shares: Record<string, number>, why: string, by: string, cause: string}>} shares oldest first
 * @param {number} now
 */
export function stretches(shares, now) {
  /** @type {Array<{version: number, share: number, from: number, to: number, why: string, by: string}>} */
  const found = [];
  /** @type {Map<number, any>} those that go on */
  const open = new Map();
  for (const each of shares) {
    const next = new Map(Object.entries(each.shares).map(([version, share]) => [Number(version), share]));
    for (const [version, bar] of open) {
      if (next.get(version) === bar.share) continue;
      bar.to = each.time;
      open.delete(version);
    }
    for (const [version, share] of next) {
      if (share <= 0 || open.has(version)) continue;
      const bar = { version, share, from: each.time, to: now, why: each.why || each.cause, by: each.by };
      open.set(version, bar);
      found.push(bar);
    }
  }
  return found;
}

/** @type {import('../panel.js').Plot} */
export default {
  title: 'What was in use',
  hint: 'Green is in use now. Select a bar to open its version.',
  full: true,
  load: (context) => context.get('shares'),
  empty: (data) => (data.shares.some((each) => Object.keys(each.shares).length) ? '' : 'No version has been in use yet.'),
  option(data) {
    const bars = stretches(data.shares, data.now);
    const versions = [...new Set(bars.map((each) => each.version))].sort((a, b) => a - b).slice(-MOST);
    const shown = bars.filter((each) => versions.includes(each.version));
    return {
      grid: frame({ top: 8, left: 84, right: 28 }),
      xAxis: axis({
        type: 'value',
        name: 'time',
        min: Math.min(...shown.map((each) => each.from)),
        max: Math.max(data.now, ...shown.map((each) => each.from + 1)),
        scale: false,
        splitNumber: 4,
        axisLabel: { formatter: briefTime, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: axis({
        type: 'category',
        data: versions.map((each) => `version ${each}`),
        scale: false,
        splitLine: { show: false },
        axisLabel: { color: colour('text') },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ data: [, , , i] }) =>
          tip(`Version ${shown[i].version}`, [
            ['share', percentOf(shown[i].share)],
            ['from', time(shown[i].from)],
            ['to', shown[i].to === data.now ? 'now' : time(shown[i].to)],
            ['for', duration(shown[i].to - shown[i].from)],
            ['by', shown[i].by],
            ['why', shown[i].why],
          ]),
      },
      series: [
        {
          type: 'custom',
          clip: true,
          encode: { x: [1, 2], y: 0 },
          data: shown.map((each, i) => [versions.indexOf(each.version), each.from, each.to, i]),
          renderItem(_, api) {
            const { share, to } = shown[api.value(3)];
            const [x1, y] = api.coord([api.value(1), api.value(0)]);
            const [x2] = api.coord([api.value(2), api.value(0)]);
            const room = Math.min(26, api.size([0, 1])[1] * 0.7);
            const height = Math.max(4, room * share); // a part is a thinner bar
            const width = Math.max(2, x2 - x1 - 1);
            return {
              type: 'rect',
              shape: { x: x1, y: y - height / 2, width, height },
              style: { fill: colour(to === data.now ? 'good' : 'ended') },
            };
          },
        },
      ],
    };
  },
  describe(data) {
    const bars = stretches(data.shares, data.now);
    const live = bars.filter((each) => each.to === data.now);
    const versions = new Set(bars.map((each) => each.version)).size;
    const now = live.length
      ? `Now: ${live.map((each) => `version ${each.version}${each.share < 1 ? ` with ${percentOf(each.share)}` : ''} since ${time(each.from)}`).join(', ')}.`
      : 'Nothing is in use now.';
    return `${now} ${versions === 1 ? 'One version has' : `${versions} versions have`} been in use so far${versions > MOST ? `; the newest ${MOST} are drawn` : ''}.`;
  },
  numbers: (data) => ({
    head: ['Version', 'Share', 'From', 'To', 'For', 'By', 'Why'],
    rows: stretches(data.shares, data.now).map((each) => [
      each.version,
      percentOf(each.share),
      time(each.from),
      each.to === data.now ? 'now' : time(each.to),
      duration(each.to - each.from),
      each.by,
      each.why,
    ]),
  }),
  trialAt: ({ data: item }, data) => {
    const bars = stretches(data.shares, data.now);
    const versions = [...new Set(bars.map((each) => each.version))].sort((a, b) => a - b).slice(-MOST);
    return item ? versions[item[0]] : null;
  },
};

/** @param {number} share */
const percentOf = (share) => `${Number((100 * share).toPrecision(3))} %`;
