// How the evidence about errors has grown, beside what decides, and the rates of errors of both versions.

import { PALETTE } from '../chart.js';
import { briefTime, number, time } from '../format.js';
import { share } from '../rollout-words.js';
import { axis, colour, frame, legend, steps, tip } from './shared.js';

/** @param {any} data */
const pointsOf = (data) => data.view.history.map(([at, step, evidence, champion, challenger]) => ({ at, step, evidence, champion, challenger }));

/** What decides. @param {any} data */
const neededOf = (data) => data.view.tests.find((each) => each.name === 'errors')?.needed ?? null;

/** What an axis of powers can show of it. @param {number} value */
const shown = (value) => Math.min(1e9, Math.max(1e-3, value));

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Evidence about errors',
  hint: 'Evidence of 1 says nothing, below is against a difference; at the dashed line it is decided.',
  full: true,
  load: (context) => context.get(''),
  empty: (data) => ((data.view?.history ?? []).length > 1 ? '' : 'Its tests have looked once at most.'),
  option(data) {
    const points = pointsOf(data);
    const needed = neededOf(data);
    const { version, champion } = data.rollout;
    const rate = (name, key, place, dash) => steps(name, points.filter((each) => each[key] !== null).map((each) => [each.at, each[key]]), { colour: PALETTE[place], dash }, { yAxisIndex: 1 });
    const moves = points.filter((each, i) => i && each.step !== points[i - 1].step);
    return {
      grid: frame({ right: 64 }),
      legend: legend({ data: ['evidence', `errors of version ${version}`, ...(champion === null ? [] : [`errors of version ${champion}`])] }),
      xAxis: axis({
        type: 'value',
        name: 'time',
        min: points[0].at,
        max: Math.max(points[points.length - 1].at, points[0].at + 1),
        scale: false,
        splitNumber: 4,
        axisLabel: { formatter: briefTime, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: [
        axis({ type: 'log', name: 'evidence', nameGap: 46, min: (found) => Math.min(0.1, found.min), max: (found) => Math.max(2 * (needed ?? 20), found.max), axisLabel: { formatter: number, color: colour('muted') } }),
        axis({ type: 'value', name: 'share of errors', nameGap: 46, min: 0, scale: false, splitLine: { show: false }, axisLabel: { formatter: share, color: colour('muted') } }),
      ],
      tooltip: {
        trigger: 'item',
        formatter: ({ data: [, , i] }) =>
          tip(time(points[i].at), [
            ['step', String(points[i].step + 1)],
            ['evidence', number(points[i].evidence)],
            [`errors of version ${version}`, points[i].challenger === null ? null : share(points[i].challenger)],
            [`errors of version ${champion}`, points[i].champion === null ? null : share(points[i].champion)],
          ]),
      },
      series: [
        rate(`errors of version ${version}`, 'challenger', 1, null),
        ...(champion === null ? [] : [rate(`errors of version ${champion}`, 'champion', 2, [2, 3])]),
        {
          name: 'evidence',
          type: 'line',
          symbol: 'circle',
          symbolSize: points.length > 60 ? 0 : 6,
          data: points.map((each, i) => [each.at, shown(each.evidence), i]),
          itemStyle: { color: PALETTE[0] },
          lineStyle: { width: 2 },
          markLine: {
            silent: true,
            symbol: 'none',
            label: { color: colour('text'), formatter: ({ name }) => name, position: 'insideStartTop' },
            data: [
              ...(needed === null ? [] : [{ yAxis: needed, name: `${number(needed)} decide`, lineStyle: { color: colour('bad'), type: 'dashed' } }]),
              ...moves.map((each) => ({ xAxis: each.at, name: `step ${each.step + 1}`, lineStyle: { color: colour('strong-line'), type: 'dotted' } })),
            ],
          },
        },
      ],
    };
  },
  describe(data) {
    const points = pointsOf(data);
    const last = points[points.length - 1];
    const needed = neededOf(data);
    const most = Math.max(...points.map((each) => each.evidence));
    const rates = last.challenger === null ? '' : ` Errors: ${share(last.challenger)} of version ${data.rollout.version}${last.champion === null ? '' : `, ${share(last.champion)} of version ${data.rollout.champion}`}.`;
    return `The evidence that version ${data.rollout.version} has more errors is ${number(Number(last.evidence.toPrecision(3)))}${needed === null ? '' : ` of the ${number(needed)} that decide`}; it was ${number(Number(most.toPrecision(3)))} at most.${rates}`;
  },
  numbers: (data) => ({
    head: ['When', 'Step', 'Evidence', `Errors of version ${data.rollout.version}`, `Errors of version ${data.rollout.champion}`],
    rows: pointsOf(data).map((each) => [time(each.at), each.step + 1, number(each.evidence), each.challenger === null ? '–' : share(each.challenger), each.champion === null ? '–' : share(each.champion)]),
  }),
};
