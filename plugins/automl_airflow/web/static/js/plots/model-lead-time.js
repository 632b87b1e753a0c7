// How long each version took from its training to its use, by what it waited for.

import { PALETTE } from '../chart.js';
import { duration } from '../format.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const MOST = 20;

/** Stages in their order; waiting for people is told apart. @type {Array<[string, string]>} */
export const STAGES = [
  ['training', 'training'],
  ['to_offer', 'until it was offered'],
  ['evaluating', 'evaluation'],
  ['waiting', 'waiting for people'],
  ['to_use', 'until it was in use'],
  ['to_first_score', 'until it scored first'],
];

/** @type {import('../panel.js').Plot} */
export default {
  title: 'From data to use',
  hint: 'Waiting for people is hatched. Select a bar to open its version.',
  full: true,
  load: (context) => context.get('efficiency'),
  empty: (data) => (data.versions.some((each) => total(each) > 0) ? '' : 'No version has come that far yet.'),
  option(data) {
    const shown = data.versions.slice(-MOST);
    return {
      grid: frame({ left: 84, top: 44 }),
      legend: legend({ data: STAGES.map(([, label]) => label) }),
      xAxis: axis({
        type: 'value',
        name: 'time',
        min: 0,
        scale: false,
        axisLabel: { formatter: duration, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: axis({
        type: 'category',
        data: shown.map((each) => `version ${each.version}`),
        scale: false,
        inverse: true,
        axisLabel: { color: colour('text') },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex }) =>
          tip(`Version ${shown[dataIndex].version}`, [
            ...STAGES.map(([key, label]) => [label, shown[dataIndex].stages[key] === null ? null : duration(shown[dataIndex].stages[key])]),
            ['in all', duration(total(shown[dataIndex]))],
          ]),
      },
      series: STAGES.map(([key, label], i) => ({
        name: label,
        type: 'bar',
        stack: 'lead',
        barMaxWidth: 22,
        data: shown.map((each) => each.stages[key] ?? 0),
        itemStyle: {
          color: PALETTE[i],
          ...(key === 'waiting' ? { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 } } : {}),
        },
      })),
    };
  },
  describe(data) {
    const done = data.versions.filter((each) => each.stages.to_use !== null);
    if (!done.length) return 'No version has been in use yet.';
    const last = done[done.length - 1];
    const machine = total(last) - (last.stages.waiting ?? 0);
    return `Version ${last.version} took ${duration(total(last))}: ${duration(machine)} of machines, ${duration(last.stages.waiting ?? 0)} waiting for people.`;
  },
  numbers: (data) => ({
    head: ['Version', ...STAGES.map(([, label]) => label), 'in all'],
    rows: data.versions.map((each) => [each.version, ...STAGES.map(([key]) => duration(each.stages[key])), duration(total(each))]),
  }),
  trialAt: ({ dataIndex }, data) => data.versions.slice(-MOST)[dataIndex]?.version ?? null,
};

/** @param {{stages: Record<string, number | null>}} each */
const total = ({ stages }) => STAGES.reduce((sum, [key]) => sum + (stages[key] ?? 0), 0);
