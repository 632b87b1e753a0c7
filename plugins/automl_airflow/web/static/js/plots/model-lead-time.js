// How long each version took from its training to its use, by what it waited for.

import { PALETTE } from '../chart.js';
import { duration } from '../format.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const MOST = 20;

/** What the stages are called; those that are not here by their own name. @type {Record<string, string>} */
const NAMES = {
  'to offer': 'until it was offered',
  evaluating: 'evaluation',
  asking: 'until people were asked',
  'to use': 'until it was in use',
  'rolling out': 'while it was rolled out',
  'to first score': 'until it scored first',
};

/** Stages in their order. @param {any} data @returns {Array<{name: string, label: string, people: boolean}>} */
const stagesOf = (data) =>
  (data.versions[0]?.stages ?? []).map((each) => ({ name: each.name, label: NAMES[each.name] ?? each.name, people: each.people }));

/** @param {any} version @param {string} name @returns {number | null} */
const spent = (version, name) => version.stages.find((each) => each.name === name)?.seconds ?? null;

/** @type {import('../panel.js').Plot} */
export default {
  title: 'From data to use',
  hint: 'Waiting for people is hatched. Select a bar to open its version.',
  full: true,
  load: (context) => context.get('efficiency'),
  empty: (data) => (data.versions.some((each) => total(each) > 0) ? '' : 'No version has come that far yet.'),
  option(data) {
    const shown = data.versions.slice(-MOST);
    const stages = stagesOf(data);
    return {
      grid: frame({ left: 84, top: 44 }),
      legend: legend({ data: stages.map((each) => each.label) }),
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
            ...stages.map(({ name, label }) => {
              const seconds = spent(shown[dataIndex], name);
              return /** @type {[string, any]} */ ([label, seconds === null ? null : duration(seconds)]);
            }),
            ['in all', duration(total(shown[dataIndex]))],
          ]),
      },
      series: stages.map(({ name, label, people }, i) => ({
        name: label,
        type: 'bar',
        stack: 'lead',
        barMaxWidth: 22,
        data: shown.map((each) => spent(each, name) ?? 0),
        itemStyle: {
          color: PALETTE[i] ?? colour('strong-line'), // a stage more than there are colours
          ...(people ? { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 } } : {}),
        },
      })),
    };
  },
  describe(data) {
    const done = data.versions.filter((each) => spent(each, 'to use') !== null);
    if (!done.length) return 'No version has been in use yet.';
    const last = done[done.length - 1];
    const people = last.stages.filter((each) => each.people).reduce((sum, each) => sum + (each.seconds ?? 0), 0);
    return `Version ${last.version} took ${duration(total(last))}: ${duration(total(last) - people)} of machines, ${duration(people)} waiting for people.`;
  },
  numbers: (data) => ({
    head: ['Version', ...stagesOf(data).map((each) => each.label), 'in all'],
    rows: data.versions.map((each) => [each.version, ...each.stages.map((stage) => duration(stage.seconds)), duration(total(each))]),
  }),
  trialAt: ({ dataIndex }, data) => data.versions.slice(-MOST)[dataIndex]?.version ?? null,
};

/** @param {{stages: Array<{seconds: number | null}>}} version */
const total = ({ stages }) => stages.reduce((sum, each) => sum + (each.seconds ?? 0), 0);
