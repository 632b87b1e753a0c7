// Who ran when, on which of the places that trials may take at once, and where it waited before.

import { duration } from '../format.js';
import { look } from '../states.js';
import { axis, colour, frame, tip } from './shared.js';

const WAITS = { start: 'for its start', retry: 'before another attempt', place: 'for a place', rung: 'for its rung' };

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Timeline of slots',
  hint: 'Dashed lines below the bars are waits. Failed attempts are hollow, early stops end in a wedge. Select a bar to open its trial.',
  full: true,
  tall: true,
  meanwhile: true,
  patience: 4000,
  load: (context) => context.get('timeline'),
  empty: (data) => (data.columns.trial.length ? '' : 'Nothing has started yet.'),
  option(data) {
    const c = data.columns;
    const start = data.created;
    const end = (i) => (c.ended[i] ?? data.now) - start;
    const latest = c.trial.reduce((most, _, i) => Math.max(most, end(i)), 1);
    const tones = Object.fromEntries([...new Set(c.state)].map((state) => [state, colour(look(state).tone)]));
    const muted = colour('strong-line');
    return {
      grid: frame({ top: 12, left: 70, bottom: 50 }),
      xAxis: axis({
        type: 'value',
        name: 'since the start',
        scale: false,
        min: 0,
        max: latest,
        axisLabel: { formatter: duration, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: axis({
        type: 'category',
        data: Array.from({ length: data.places }, (_, i) => `place ${i + 1}`),
        inverse: true,
        scale: false,
        splitLine: { show: false },
      }),
      dataZoom: [{ type: 'inside', xAxisIndex: 0, filterMode: 'weakFilter', zoomOnMouseWheel: 'ctrl' }],
      tooltip: {
        trigger: 'item',
        formatter: ({ data: [, , , i] }) =>
          tip(`Trial ${c.trial[i]}`, [
            ['state', look(c.state[i]).label],
            ['task', c.task[i]],
            ['attempt', c.attempt[i]],
            ['slot', c.slot[i]],
            ['ran', duration(end(i) - (c.started[i] - start))],
            ['budget', c.budget[i]],
            ['waited', c.waited[i] ? `${duration(c.waited[i])} ${WAITS[c.wait_kind[i]] ?? ''}` : null],
            ['worker', c.worker[i]],
            ['reason', c.reason[i]],
          ]),
      },
      series: [
        {
          type: 'custom',
          clip: true,
          progressive: 800,
          encode: { x: [1, 2], y: 0 },
          data: c.trial.map((_, i) => [c.place[i], c.started[i] - start, end(i), i]),
          renderItem(_, api) {
            const i = api.value(3);
            const [x1, y] = api.coord([api.value(1), api.value(0)]);
            const [x2] = api.coord([api.value(2), api.value(0)]);
            const height = Math.min(26, api.size([0, 1])[1] * 0.7);
            const tone = tones[c.state[i]];
            const children = [];
            if (c.waited[i] > 0) {
              const [x0] = api.coord([api.value(1) - c.waited[i], api.value(0)]);
              children.push({
                type: 'line',
                shape: { x1: x0, y1: y + height / 2 + 4, x2: x1, y2: y + height / 2 + 4 },
                style: { stroke: muted, lineWidth: 2, lineDash: [3, 2] },
              });
            }
            const width = Math.max(1.5, x2 - x1 - 0.5);
            const top = y - height / 2;
            if (c.state[i] === 'EARLY_STOPPED' && width > 6) {
              children.push({
                type: 'polygon',
                shape: {
                  points: [
                    [x1, top],
                    [x1 + width - 5, top],
                    [x1 + width, y],
                    [x1 + width - 5, top + height],
                    [x1, top + height],
                  ],
                },
                style: { fill: tone },
              });
            } else {
              const hollow = c.state[i] === 'FAILED' && width > 4;
              children.push({
                type: 'rect',
                shape: { x: x1, y: top, width, height },
                style: hollow
                  ? { fill: 'transparent', stroke: tone, lineWidth: 2 }
                  : { fill: tone, opacity: c.state[i] === 'RUNNING' ? 0.65 : 1 },
              });
            }
            return { type: 'group', children };
          },
        },
      ],
    };
  },
  describe(data) {
    const { trial, waited } = data.columns;
    const total = waited.reduce((sum, each) => sum + (each ?? 0), 0);
    return `${trial.length} attempts on ${data.places} places; they waited ${duration(total)} in all.`;
  },
  numbers: (data) => ({
    head: ['Trial', 'Task', 'Attempt', 'Place', 'Slot', 'State', 'Started after', 'Ran', 'Waited', 'Reason'],
    rows: data.columns.trial.map((each, i) => [
      each,
      data.columns.task[i],
      data.columns.attempt[i],
      data.columns.place[i] + 1,
      data.columns.slot[i],
      look(data.columns.state[i]).label,
      duration(data.columns.started[i] - data.created),
      duration((data.columns.ended[i] ?? data.now) - data.columns.started[i]),
      data.columns.waited[i] ? `${duration(data.columns.waited[i])} ${WAITS[data.columns.wait_kind[i]] ?? ''}` : '–',
      data.columns.reason[i],
    ]),
  }),
  trialAt: ({ data: item }, data) => (item ? data.columns.trial[item[3]] : null),
};
