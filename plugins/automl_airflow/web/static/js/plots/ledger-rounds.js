// What each round's labels cost, by who they came from; and in sum, with the limit that the file names.

import { PALETTE } from '../chart.js';
import { cost as money, duration, number } from '../format.js';
import { field, h } from '../dom.js';
import { axis, colour, frame, legend, tip } from './shared.js';

/** @typedef {'cost' | 'labels' | 'seconds'} Measure */

/** @type {Record<string, string>} */
export const SOURCES = { person: 'people', models: 'models that agree', imported: 'came with the data' };

/** @type {Record<Measure, {label: string, shown: (value: number | null) => string}>} */
const MEASURES = {
  cost: { label: 'money', shown: money },
  labels: { label: 'labels', shown: number },
  seconds: { label: 'time', shown: duration },
};

/** @param {number} round */
export const roundName = (round) => (round ? `round ${round}` : 'outside of rounds');

/** Rounds in their order, then each source's sums. @param {any} data @param {Measure} measure */
function series(data, measure) {
  const rows = data.cost.by_round_source;
  const rounds = [...new Set(rows.map((each) => each.round))].sort((a, b) => a - b);
  const sources = Object.keys(SOURCES).filter((each) => rows.some((row) => row.source === each));
  const at = (round, source) => rows.find((each) => each.round === round && each.source === source)?.[measure] ?? 0;
  const values = Object.fromEntries(sources.map((source) => [source, rounds.map((round) => at(round, source))]));
  let sum = 0;
  const sums = rounds.map((_, i) => (sum += sources.reduce((whole, source) => whole + values[source][i], 0)));
  return { rounds, sources, values, sums };
}

/** @returns {import('../panel.js').Plot} */
export default function roundsPlot() {
  /** @type {Measure} */
  let measure = 'cost';
  const unit = (data) => (measure === 'cost' ? data.currency || 'money' : MEASURES[measure].label);
  return {
    title: 'Cost of each round',
    hint: 'Bars are what a round’s answers came to, the line is all of them so far. Answers that were changed or taken back later were paid too, and count.',
    full: true,
    load: (context) => context.get('ledger'),
    empty: (data) => (data.cost.by_round_source.length ? '' : 'Nothing was labelled yet.'),
    controls: (_, again) =>
      field(
        'Show',
        h(
          'select',
          {
            onchange: (event) => {
              measure = event.target.value;
              again();
            },
          },
          Object.entries(MEASURES).map(([key, each]) => h('option', { value: key }, each.label)),
        ),
      ),
    option(data) {
      const { rounds, sources, values, sums } = series(data, measure);
      const shown = MEASURES[measure].shown;
      const limit =
        measure === 'cost' && data.budget !== null
          ? {
              silent: true,
              symbol: 'none',
              lineStyle: { color: colour('bad'), type: 'dashed' },
              label: { formatter: () => `limit ${money(data.budget)}`, color: colour('bad'), position: 'insideEndTop' },
              data: [{ yAxis: data.budget }],
            }
          : undefined;
      return {
        grid: frame(),
        legend: legend({ data: [...sources.map((each) => SOURCES[each]), 'all so far'] }),
        xAxis: axis({ type: 'category', data: rounds.map(roundName), scale: false }),
        yAxis: axis({ type: 'value', min: 0, scale: false, name: unit(data), nameGap: 48, max: limit ? Math.max(data.budget, sums.at(-1) ?? 0) * 1.05 : undefined, axisLabel: { formatter: shown, color: colour('muted') } }),
        tooltip: {
          trigger: 'axis',
          axisPointer: { type: 'none' },
          formatter: ([{ dataIndex: i }]) => tip(roundName(rounds[i]), [...sources.map((each) => [SOURCES[each], shown(values[each][i])]), ['all so far', shown(sums[i])]]),
        },
        series: [
          ...sources.map((source, place) => ({
            name: SOURCES[source],
            type: 'bar',
            stack: 'round',
            barMaxWidth: 36,
            data: values[source],
            itemStyle: { color: PALETTE[place], ...(place ? { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: 0.6 * place, color: 'rgba(255,255,255,.35)' } } : {}) },
          })),
          {
            name: 'all so far',
            type: 'line',
            symbol: 'circle',
            symbolSize: 6,
            data: sums,
            itemStyle: { color: colour('text') },
            lineStyle: { width: 2, type: 'dashed' },
            markLine: limit,
          },
        ],
      };
    },
    describe(data) {
      const { total } = data.cost;
      const spent = `${money(total.cost)}${data.currency ? ` ${data.currency}` : ''}`;
      const of = data.budget !== null ? ` of at most ${money(data.budget)}` : '';
      const time = total.seconds === null ? '' : `, ${duration(total.seconds)} of people’s time (${number(total.timed)} answers say how long they took)`;
      return `${spent}${of} for ${number(total.labels)} labels and ${number(total.skipped)} skipped answers${time}.`;
    },
    numbers(data) {
      return {
        head: ['Round', 'Source', 'Labels', 'Skipped', 'Cost', 'Time', 'Cost of a label'],
        rows: data.cost.by_round_source.map((each) => [roundName(each.round), SOURCES[each.source] ?? each.source, number(each.labels), number(each.skipped), money(each.cost), duration(each.seconds), money(each.cost_per_label)]),
      };
    },
  };
}
