// Which parameters matter, with how sure that is.

import { shorten } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

const share = (value) => `${(value * 100).toFixed(1)} %`;

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Importance of parameters',
  patience: 10000,
  load: (context) => context.get('importance'),
  empty: (data) => (data.parameters.length ? '' : data.note || 'Too few trials have a value yet.'),
  option(data) {
    const bars = [
      ...data.parameters.map((each) => ({ ...each, pair: false })),
      ...data.pairs.slice(0, 3).map((each) => ({ ...each, name: each.names.join(' × '), pair: true })),
    ].reverse();
    return {
      grid: frame({ left: 150, top: 10 }),
      xAxis: axis({
        type: 'value',
        min: 0,
        scale: false,
        name: 'share of the variance',
        axisLabel: { formatter: (v) => `${Math.round(v * 100)} %`, color: colour('muted') },
      }),
      yAxis: axis({
        type: 'category',
        data: bars.map((each) => shorten(each.name, 18)),
        scale: false,
        axisLabel: { color: colour('text'), width: 135, overflow: 'truncate' },
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({ dataIndex }) =>
          tip(bars[dataIndex].name, [
            ['share', share(bars[dataIndex].importance)],
            ['standard deviation', share(bars[dataIndex].std)],
          ]),
      },
      series: [
        {
          type: 'bar',
          barMaxWidth: 22,
          data: bars.map((each) => ({
            value: each.importance,
            itemStyle: { color: colour(each.pair ? 'ended' : 'busy') },
          })),
        },
        {
          type: 'custom',
          silent: true,
          z: 5,
          encode: { x: [1, 2], y: 0 },
          data: bars.map((each, i) => [i, Math.max(0, each.importance - each.std), each.importance + each.std]),
          renderItem(_, api) {
            const from = api.coord([api.value(1), api.value(0)]);
            const to = api.coord([api.value(2), api.value(0)]);
            const style = { stroke: colour('text'), lineWidth: 1.5 };
            const stroke = (x1, y1, x2, y2) => ({ type: 'line', shape: { x1, y1, x2, y2 }, style });
            return {
              type: 'group',
              children: [
                stroke(from[0], from[1], to[0], to[1]),
                stroke(from[0], from[1] - 5, from[0], from[1] + 5),
                stroke(to[0], to[1] - 5, to[0], to[1] + 5),
              ],
            };
          },
        },
      ],
    };
  },
  describe(data) {
    const [first] = data.parameters;
    return `${data.method} over ${data.trials} trials: ${first.name} explains ${share(first.importance)} ± ${share(first.std)} of the variance. Whiskers are one standard deviation over the trees.`;
  },
  numbers: (data) => ({
    head: ['Parameter', 'Share', 'Standard deviation'],
    rows: [
      ...data.parameters.map((each) => [each.name, share(each.importance), share(each.std)]),
      ...data.pairs.map((each) => [each.names.join(' × '), share(each.importance), share(each.std)]),
    ],
  }),
};
