// Who answered which share of the requests over time, and who saw to each change.

import { PALETTE } from '../chart.js';
import { h } from '../dom.js';
import { briefTime, duration, time } from '../format.js';
import { share } from '../rollout-words.js';
import { axis, colour, frame, legend, tip } from './shared.js';

/** Seconds back that can be chosen; 0 is everything. @type {Array<[string, string, number | null]>} */
const SPANS = [
  ['rollout', 'The newest rollout', null],
  ['hour', 'The last hour', 3600],
  ['day', 'The last day', 86400],
  ['month', 'The last 30 days', 30 * 86400],
  ['all', 'Everything', 0],
];

/**
 * One bar for each version in each stretch of time between two records; bars of a stretch stand on one another.
 *
 * @param {any} data of the API
 * @returns {Array<{version: number, share: number, shadow: number, low: number, high: number, from: number, to: number, record: any}>}
 */
export function barsOf(data) {
  return data.records.flatMap((each, i) => {
    const from = Math.max(each.time, data.since ?? -Infinity);
    const to = data.records[i + 1]?.time ?? data.until ?? data.now;
    let low = 0;
    const versions = new Set([...Object.keys(each.shares), ...Object.keys(each.shadow)].map(Number));
    return [...versions]
      .sort((a, b) => a - b)
      .map((version) => {
        const part = each.shares[version] ?? 0;
        const bar = { version, share: part, shadow: each.shadow[version] ?? 0, low, high: low + part, from, to, record: each };
        low += part;
        return bar;
      });
  });
}

const actor = (record) => (record.how === 'dag' ? `${record.by} (DAG)` : record.how === 'conditions' ? 'the conditions' : record.by);

/** Of all versions that are drawn, which colour each has. @param {any[]} bars */
const versionsOf = (bars) => [...new Set(bars.map((each) => each.version))].sort((a, b) => a - b);

/** @param {number} version */
const tone = (version) => PALETTE[(version - 1) % PALETTE.length];

/** @returns {import('../panel.js').Plot} */
export default function plot() {
  let span = 'rollout';
  return {
    title: 'Shares of the requests',
    hint: 'A triangle is an act. Select a bar to open its version.',
    full: true,
    controls: (context, again) =>
      h(
        'label',
        {},
        'Shown ',
        h(
          'select',
          {
            onchange: (event) => {
              span = event.target.value;
              again();
            },
          },
          SPANS.map(([value, label]) => h('option', { value, selected: value === span }, label)),
        ),
      ),
    load: async (context) => {
      const back = SPANS.find(([value]) => value === span)?.[2] ?? null;
      if (back === null) {
        const { rollouts } = await context.get('rollouts', { limit: 1 });
        const newest = rollouts[0];
        if (!newest) return context.get('traffic');
        const room = Math.max(60, 0.05 * ((newest.ended ?? Date.now() / 1000) - newest.begun));
        return context.get('traffic', { since: newest.begun - room, until: newest.ended ? newest.ended + room : undefined });
      }
      return context.get('traffic', back ? { since: Math.floor(Date.now() / 60000) * 60 - back } : {});
    },
    empty: (data) => (data.records.some((each) => Object.keys(each.shares).length) ? '' : 'Nothing was in use in that time. The first version that is accepted answers all.'),
    option(data) {
      const bars = barsOf(data).filter((each) => each.share > 0);
      const versions = versionsOf(bars);
      const acts = data.records.filter((each) => each.time >= (data.since ?? -Infinity));
      const end = data.until ?? data.now;
      return {
        grid: frame({ left: 58 }),
        legend: legend({ data: [...versions.map((each) => `version ${each}`), 'acts'] }),
        xAxis: axis({
          type: 'value',
          name: 'time',
          min: data.since ?? bars[0].from,
          max: Math.max(end, bars[0].from + 1),
          scale: false,
          splitNumber: 4,
          axisLabel: { formatter: briefTime, color: colour('muted'), hideOverlap: true },
        }),
        yAxis: axis({ type: 'value', min: 0, max: 1, scale: false, axisLabel: { formatter: share, color: colour('muted') } }),
        tooltip: { trigger: 'item' },
        series: [
          ...versions.map((version) => ({
            name: `version ${version}`,
            type: 'custom',
            clip: true,
            itemStyle: { color: tone(version) },
            encode: { x: [0, 1], y: [2, 3] },
            data: bars.flatMap((each, i) => (each.version === version ? [[each.from, each.to, each.low, each.high, i]] : [])),
            tooltip: {
              formatter: ({ data: [, , , , i] }) =>
                tip(`Version ${version}`, [
                  ['share', share(bars[i].share)],
                  ['from', time(bars[i].from)],
                  ['to', bars[i].to === data.now ? 'now' : time(bars[i].to)],
                  ['for', duration(bars[i].to - bars[i].from)],
                ]),
            },
            renderItem(_, api) {
              const [x1, y1] = api.coord([api.value(0), api.value(3)]);
              const [x2, y2] = api.coord([api.value(1), api.value(2)]);
              return {
                type: 'rect',
                shape: { x: x1, y: y1, width: Math.max(1, x2 - x1), height: Math.max(1, y2 - y1) },
                style: { fill: tone(version), opacity: 0.82 },
              };
            },
          })),
          {
            name: 'acts',
            type: 'scatter',
            symbol: 'triangle',
            symbolSize: 10,
            z: 5,
            clip: false,
            itemStyle: { color: colour('text'), borderColor: colour('card'), borderWidth: 1 },
            data: acts.map((each, i) => [each.time, 1, i]),
            tooltip: {
              formatter: ({ data: [, , i] }) =>
                tip(acts[i].cause.replaceAll('_', ' '), [
                  ['when', time(acts[i].time)],
                  ['by', actor(acts[i])],
                  ['shares', sharesOf(acts[i])],
                  ['why', acts[i].why],
                ]),
            },
          },
        ],
      };
    },
    describe(data) {
      const last = data.records[data.records.length - 1];
      const acts = data.records.filter((each) => each.time >= (data.since ?? -Infinity));
      const people = new Set(acts.filter((each) => !['dag', 'conditions'].includes(each.how)).map((each) => each.by));
      const who = people.size ? `, of which people (${[...people].join(', ')}) made some` : '';
      return `${data.until ? 'At last' : 'Now'}: ${sharesOf(last)}. ${acts.length === 1 ? 'One change' : `${acts.length} changes`} in that time${who}.`;
    },
    numbers: (data) => ({
      head: ['When', 'What', 'Shares', 'In the shadow', 'By', 'Why'],
      rows: data.records.map((each) => [time(each.time), each.cause.replaceAll('_', ' '), sharesOf(each), partsOf(each.shadow), actor(each), each.why]),
    }),
    trialAt: ({ seriesName, data: item }) => (item && seriesName !== 'acts' ? Number(seriesName.split(' ')[1]) : null),
  };
}

/** @param {Record<string, number>} parts */
const partsOf = (parts) =>
  Object.entries(parts)
    .map(([version, part]) => `version ${version} ${share(part)}`)
    .join(', ');

/** @param {any} record */
const sharesOf = (record) => partsOf(record.shares) || 'nothing is in use';
