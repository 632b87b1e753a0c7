// Rungs and brackets of multi-fidelity searches: which trials went on to a larger budget.

import { number } from '../format.js';
import { look } from '../states.js';
import { PALETTE } from '../chart.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const flat = (data) =>
  data.brackets.flatMap((bracket) =>
    bracket.rungs.flatMap((rung) =>
      rung.trials.map((trial) => ({ bracket: bracket.bracket, rung: rung.rung, budget: rung.budget, ...trial })),
    ),
  );

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Rungs and brackets',
  hint: 'A line joins a trial’s rungs. Filled circles went on; hollow triangles stayed; crosses failed.',
  full: true,
  patience: 4000,
  load: (context) => context.get('rungs'),
  empty: (data) => (flat(data).length ? '' : 'No rung has a trial yet.'),
  option(data) {
    const all = flat(data);
    const budgets = [...new Set(all.map((each) => each.budget))].sort((a, b) => a - b);
    const known = all.map((each) => each.value).filter((each) => each !== null);
    const floor = known.length ? Math.min(...known) : 0;
    const series = data.brackets.flatMap((bracket, k) => {
      const tone = PALETTE[k % PALETTE.length];
      const name = `Bracket ${bracket.bracket}`;
      const trials = new Map();
      for (const each of all.filter((one) => one.bracket === bracket.bracket))
        trials.set(each.trial, [...(trials.get(each.trial) ?? []), each]);
      const lines = [...trials.values()]
        .filter((points) => points.length > 1)
        .map((points) => ({
          name,
          type: 'line',
          silent: true,
          symbol: 'none',
          lineStyle: { color: tone, width: 1, opacity: 0.5 },
          itemStyle: { color: tone },
          data: points.filter((each) => each.value !== null).map((each) => [String(each.budget), each.value]),
          tooltip: { show: false },
        }));
      return [
        ...lines,
        {
          name,
          type: 'scatter',
          itemStyle: { color: tone },
          z: 4,
          data: [...trials.values()].flat().map((each) => ({
            value: [String(each.budget), each.value ?? floor],
            each,
            symbolSize: each.promoted ? 11 : 9,
            symbol:
              each.state === 'FAILED'
                ? look('FAILED').symbol
                : each.promoted
                  ? 'circle'
                  : each.state === 'RUNNING'
                    ? 'diamond'
                    : 'triangle',
            itemStyle:
              each.promoted || each.state === 'FAILED'
                ? undefined
                : { color: 'transparent', borderColor: tone, borderWidth: 1.5 },
          })),
        },
      ];
    });
    return {
      grid: frame(),
      series,
      legend: legend({ data: data.brackets.map((each) => ({ name: `Bracket ${each.bracket}`, icon: 'circle' })) }),
      xAxis: axis({
        type: 'category',
        data: budgets.map(String),
        scale: false,
        name: `budget${data.units ? ` (${data.units})` : ''}`,
      }),
      yAxis: axis({
        type: 'value',
        name: 'value',
        nameGap: 46,
        axisLabel: { formatter: number, color: colour('muted') },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ data: { each } }) =>
          tip(`Trial ${each.trial}`, [
            ['bracket', each.bracket],
            ['rung', each.rung],
            ['budget', each.budget],
            ['value', number(each.value)],
            ['state', look(each.state).label],
            ['went on', each.promoted ? 'yes' : 'no'],
          ]),
      },
    };
  },
  describe: (data) =>
    data.brackets
      .map(
        (bracket) =>
          `Bracket ${bracket.bracket}: ${bracket.rungs.map((rung) => `${rung.trials.length} at ${rung.budget}`).join(', ')}`,
      )
      .join('; ') + '.',
  numbers: (data) => ({
    head: ['Bracket', 'Rung', 'Budget', 'Trial', 'State', 'Value', 'Went on'],
    rows: flat(data).map((each) => [
      each.bracket,
      each.rung,
      each.budget,
      each.trial,
      look(each.state).label,
      number(each.value),
      each.promoted ? 'yes' : 'no',
    ]),
  }),
  trialAt: ({ data: item }) => item?.each?.trial ?? null,
};
