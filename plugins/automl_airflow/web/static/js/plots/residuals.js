// How predicted numbers miss: the spread of their errors, and prediction against truth.

import { scale } from '../chart.js';
import { number } from '../format.js';
import { axis, colour, frame, tip } from './shared.js';

/** @returns {import('../panel.js').Plot} */
export function residualPlot() {
  return {
    title: 'Errors',
    load: async (context) => context.get('details'),
    option(data) {
      const { edges, rows } = data.residuals;
      const width = edges[1] - edges[0];
      return {
        grid: frame({ top: 14 }),
        xAxis: axis({
          type: 'value',
          name: 'prediction − truth',
          min: edges[0],
          max: edges[edges.length - 1],
          axisLabel: { formatter: number, color: colour('muted'), hideOverlap: true },
        }),
        yAxis: axis({ type: 'value', name: 'rows', nameGap: 46, scale: false }),
        tooltip: {
          trigger: 'item',
          formatter: ({ dataIndex }) =>
            tip(`${number(edges[dataIndex])} to ${number(edges[dataIndex + 1])}`, [['rows', number(rows[dataIndex])]]),
        },
        series: [
          {
            type: 'bar',
            barWidth: '96%',
            data: rows.map((count, i) => [edges[i] + width / 2, count]),
            itemStyle: { color: colour('busy') },
          },
        ],
      };
    },
    describe(data) {
      const { overall, residuals } = data;
      const beyond = residuals.below + residuals.above;
      return `Mean error ${number(overall.bias)}, half of all errors are below ${number(overall.median_absolute_error)} in size, the largest is ${number(overall.max_error)}.${beyond ? ` ${number(beyond)} rows lie beyond the plot.` : ''}`;
    },
    numbers: (data) => ({
      head: ['Quantile', 'Prediction − truth', 'Size'],
      rows: data.quantiles.share.map((share, i) => [
        `${100 * share} %`,
        number(data.quantiles.residual[i]),
        number(data.quantiles.absolute[i]),
      ]),
    }),
  };
}

/** @returns {import('../panel.js').Plot} */
export function againstPlot() {
  return {
    title: 'Prediction against truth',
    hint: 'The darker, the more rows; what is right lies on the diagonal.',
    load: async (context) => context.get('details'),
    option(data) {
      const { edges, truth, prediction, rows } = data.grid;
      const middle = (i) => (edges[i] + edges[i + 1]) / 2;
      const size = (edges[1] - edges[0]) / 2;
      const most = Math.max(...rows);
      const ends = [edges[0], edges[edges.length - 1]];
      const both = (name, gap) =>
        axis({
          type: 'value',
          name,
          nameGap: gap,
          min: ends[0],
          max: ends[1],
          axisLabel: { formatter: number, color: colour('muted'), hideOverlap: true },
        });
      return {
        grid: frame({ top: 14 }),
        xAxis: both('truth', 28),
        yAxis: both('prediction', 46),
        visualMap: {
          type: 'continuous',
          seriesIndex: 0,
          dimension: 2,
          min: 0,
          max: Math.log1p(most),
          show: false,
          inRange: { color: scale().slice(0, 4).reverse() },
        },
        tooltip: {
          trigger: 'item',
          formatter: ({ data: cell, seriesIndex }) =>
            seriesIndex === 0
              ? tip(`truth around ${number(cell[0])}`, [
                  ['prediction around', number(cell[1])],
                  ['rows', number(rows[cell[3]])],
                ])
              : '',
        },
        series: [
          {
            type: 'custom',
            clip: true,
            encode: { x: 0, y: 1 },
            data: rows.map((count, k) => [middle(truth[k]), middle(prediction[k]), Math.log1p(count), k]),
            renderItem(params, api) {
              const [left, top] = api.coord([api.value(0) - size, api.value(1) + size]);
              const [right, bottom] = api.coord([api.value(0) + size, api.value(1) - size]);
              return {
                type: 'rect',
                shape: { x: left, y: top, width: right - left, height: bottom - top },
                style: { fill: api.visual('color') },
              };
            },
          },
          {
            type: 'line',
            data: ends.map((each) => [each, each]),
            symbol: 'none',
            silent: true,
            lineStyle: { color: colour('muted'), width: 1, type: 'dotted' },
          },
        ],
      };
    },
    describe: (data) =>
      `R² ${number(data.overall.r2)}, root mean squared error ${number(data.overall.rmse)}, mean absolute error ${number(data.overall.mae)}, over ${number(data.counted)} rows.`,
    numbers: (data) => ({
      head: ['Rows', 'Mean prediction', 'Mean truth'],
      rows: data.groups.map((each) => [number(each.rows), number(each.prediction), number(each.truth)]),
    }),
  };
}
