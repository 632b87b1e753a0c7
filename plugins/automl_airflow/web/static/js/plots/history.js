// Every trial as a point in the order of their ends, and the best so far as a line.

import { number } from '../format.js';
import { shorten } from '../names.js';
import { look } from '../states.js';
import { axis, byState, colour, frame, legend, steps, tip, worthwhile } from './shared.js';

/** What the plot shows of the values. @param {any} data */
const bounds = (data) => worthwhile(data.columns.value, data.direction === 'minimize');

/** @type {import('../panel.js').Plot} */
export default {
  title: 'History',
  full: true,
  hint: 'Trials without a value stand at the lower edge, those far worse than the others at the edge of what is shown. Select a point to open its trial; hold Ctrl and turn the wheel to look closer.',
  load: (context) => context.get('history'),
  empty: (data) => (data.columns.number.length ? '' : 'No trial has ended yet.'),
  option(data) {
    const { number: numbers, value, state, best } = data.columns;
    const [low, high] = bounds(data) ?? [0, 1];
    const edge = (high - low || 1) * 0.06;
    const shown = (/** @type {number} */ each) => Math.min(Math.max(each, low - edge), high + edge);
    const points = byState(state, (i) => [i + 1, shown(value[i] ?? -Infinity), i], { z: 3 });
    const line = best
      .map((each, i) => [i + 1, each])
      .filter(([, each], i) => each !== null && (each !== best[i - 1] || i === best.length - 1))
      .map(([x, each]) => [x, shown(each)]);
    return {
      grid: frame(),
      legend: legend({ data: [...points.map((each) => each.name), 'Best so far'] }),
      xAxis: axis({ type: 'value', name: 'trials that have ended', min: 0, minInterval: 1, scale: false }),
      yAxis: axis({
        type: 'value',
        name: shorten(data.metric),
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      dataZoom: [{ type: 'inside', xAxisIndex: 0, filterMode: 'none', zoomOnMouseWheel: 'ctrl' }],
      tooltip: {
        trigger: 'item',
        formatter: ({ data: item }) =>
          tip(`Trial ${numbers[item[2]]}`, [
            ['state', look(state[item[2]]).label],
            [data.metric, number(value[item[2]])],
            ['best so far', number(best[item[2]])],
          ]),
      },
      series: [...points, steps('Best so far', line, { colour: colour('text') }, { z: 2 })],
    };
  },
  describe(data) {
    const { value, state, best } = data.columns;
    const failed = state.filter((each) => each === 'FAILED').length;
    const early = state.filter((each) => each === 'EARLY_STOPPED').length;
    const last = best.length ? best[best.length - 1] : null;
    const [low, high] = bounds(data) ?? [-Infinity, Infinity];
    const far = value.filter((each) => each !== null && (each < low || each > high)).length;
    const beyond = far ? `, ${far} far worse than the others` : '';
    return `${value.length} ${value.length === 1 ? 'trial has' : 'trials have'} ended, ${failed} failed, ${early} stopped early${beyond}; the best ${data.metric} so far is ${number(last)}.`;
  },
  numbers: (data) => ({
    head: ['Trial', 'State', data.metric, 'Best so far'],
    rows: data.columns.number.map((each, i) => [
      each,
      look(data.columns.state[i]).label,
      number(data.columns.value[i]),
      number(data.columns.best[i]),
    ]),
  }),
  trialAt: ({ seriesType, data: item }, data) => (seriesType === 'scatter' ? data.columns.number[item[2]] : null),
};
