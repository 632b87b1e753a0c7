// A series over time: what came, a forecast with its intervals, and what is ahead; which series and from when is chosen.

import { h } from '../dom.js';
import { number } from '../format.js';
import { shorten } from '../names.js';
import { axis, colour, frame, legend, tip } from './shared.js';

const MOST = 1000; // names in the list

/** A part of a path is written as it is in the address; a series' name may hold anything. @param {any} told */
export default function forecastPlot(told) {
  let wanted = told.plotted[0] ?? null;
  let moment = 'last';
  const select = /** @type {HTMLSelectElement} */ (h('select', {}));
  const when = /** @type {HTMLSelectElement} */ (h('select', {}));
  const names = told.plotted.slice(0, MOST);
  return {
    title: 'Forecasts against what came',
    hint: 'Dashed: the forecast; the darker band is the narrower interval. Right of the last value nothing has come yet.',
    full: true,
    tall: true,
    /** Shows another series. @param {string} name */
    pick(name) {
      wanted = name;
      select.value = name;
    },
    controls(_, again) {
      select.append(...names.map((name) => h('option', { value: name, title: name }, shorten(name, 40))));
      select.value = wanted;
      select.onchange = () => {
        wanted = select.value;
        again();
      };
      when.onchange = () => {
        moment = when.value;
        again();
      };
      return [h('label', {}, 'Series ', select), h('label', {}, 'Forecast after ', when)];
    },
    load: async (context) => {
      const plot = await context.get('forecast/series', { series: wanted });
      moments(when, plot, moment);
      return plot;
    },
    empty: (plot) => (plot.values.some((each) => each !== null) ? '' : 'This series has no value.'),
    option(plot) {
      const shown = chosen(plot, when.value);
      const { times, values } = plot;
      const bands = shown.flatMap((each) => [...bandsOf(each), ...edgesOf(each, times.length)]);
      return {
        grid: frame({ top: 40 }),
        legend: legend({ data: ['Came', 'Forecast'] }),
        xAxis: axis({ type: 'category', data: times, scale: false, boundaryGap: false }),
        yAxis: axis({
          type: 'value',
          name: shorten(told.target),
          nameGap: 50,
          axisLabel: { formatter: number, color: colour('muted') },
        }),
        dataZoom: [{ type: 'inside', filterMode: 'none' }],
        tooltip: {
          trigger: 'axis',
          formatter: (items) => {
            const at = items.find((each) => each.seriesType === 'line')?.dataIndex;
            return at === undefined ? '' : tip(times[at], pointAt(plot, shown, at));
          },
        },
        series: [
          ...bands,
          {
            name: 'Came',
            type: 'line',
            data: values,
            showSymbol: values.length < 60,
            symbolSize: 4,
            itemStyle: { color: colour('text') },
            lineStyle: { color: colour('text'), width: 1.3 },
            z: 3,
          },
          ...shown.map((each) => ({
            name: 'Forecast',
            type: 'line',
            data: placed(times.length, each.first, each.forecast),
            showSymbol: each.forecast.length < 2,
            itemStyle: { color: colour('busy') },
            lineStyle: { color: colour('busy'), width: 2, type: 'dashed' },
            markLine: {
              silent: true,
              symbol: 'none',
              label: { show: false },
              lineStyle: { color: colour('muted'), type: 'dotted' },
              data: each.first > 0 ? [{ xAxis: each.first - 1 }] : [],
            },
            z: 4,
          })),
        ],
      };
    },
    describe(plot) {
      const shown = chosen(plot, when.value);
      const judged = shown.find((each) => each.kind !== 'ahead');
      const ahead = shown.find((each) => each.kind === 'ahead');
      const last = ahead?.forecast[ahead.forecast.length - 1];
      const said = [`${plot.series}, ${number(plot.values.length)} steps up to ${plot.times[plot.values.length - 1]}.`];
      if (judged) said.push(missed(plot, judged));
      if (ahead) said.push(`Ahead: ${number(ahead.forecast[0])} first, ${number(last)} after ${number(ahead.forecast.length)} steps.`);
      return said.join(' ');
    },
    numbers(plot) {
      const shown = chosen(plot, when.value);
      const levels = shown[0]?.intervals.map((each) => each.level) ?? [];
      return {
        head: ['Time', 'Came', 'Forecast', ...levels.map((each) => `${Number((100 * each).toPrecision(3))} %`)],
        rows: shown.flatMap((each) =>
          each.forecast.map((value, i) => [
            plot.times[each.first + i],
            number(plot.values[each.first + i]),
            number(value),
            ...each.intervals.map(({ low, high }) => `${number(low[i])} to ${number(high[i])}`),
          ]),
        ),
      };
    },
  };
}

/** Fills the list of moments from which there are forecasts; keeps what was chosen. @param {HTMLSelectElement} select @param {any} plot @param {string} wanted */
function moments(select, plot, wanted) {
  const judged = plot.forecasts.filter((each) => each.kind !== 'ahead');
  select.replaceChildren(
    ...judged.map((each, i) => {
      const last = i === judged.length - 1;
      const said = plot.times[each.first - 1] ?? 'the beginning';
      return h('option', { value: last ? 'last' : String(i) }, each.kind === 'test' ? `${said} (kept from the search)` : said);
    }),
  );
  select.value = wanted;
  if (select.selectedIndex < 0) select.value = 'last';
  select.disabled = judged.length < 2;
}

/** The forecast from the moment that is chosen, and the one ahead. @param {any} plot @param {string} moment */
function chosen(plot, moment) {
  const judged = plot.forecasts.filter((each) => each.kind !== 'ahead');
  const one = judged[moment === 'last' ? judged.length - 1 : Number(moment)];
  return [...(one ? [one] : []), ...plot.forecasts.filter((each) => each.kind === 'ahead')];
}

/** Values at their place on the axis. @param {number} length @param {number} first @param {any[]} values */
function placed(length, first, values) {
  const found = Array(length).fill(null);
  values.forEach((value, i) => (found[first + i] = value));
  return found;
}

/** Intervals as shapes, the widest first, half a step beyond on both sides. @param {any} each a forecast */
function bandsOf(each) {
  const widest = [...each.intervals].sort((a, b) => b.level - a.level);
  return widest.map(({ low, high }) => ({
    type: 'custom',
    silent: true,
    clip: true,
    z: 2,
    tooltip: { show: false },
    data: [[each.first, low[0]]],
    renderItem(_, api) {
      const width = api.size([1, 0])[0] / 2;
      /** @type {number[][]} */
      const upper = [];
      /** @type {number[][]} */
      const lower = [];
      low.forEach((value, i) => {
        if (value === null || high[i] === null) return;
        const [x, bottom] = api.coord([each.first + i, value]);
        const top = api.coord([each.first + i, high[i]])[1];
        upper.push([x - width, top], [x + width, top]);
        lower.unshift([x + width, bottom], [x - width, bottom]);
      });
      return {
        type: 'polygon',
        shape: { points: [...upper, ...lower] },
        style: { fill: colour('busy'), opacity: 0.15 },
      };
    },
  }));
}

/** Ends of the widest interval as lines that nobody sees: they make room for it on the axis. @param {any} each a forecast @param {number} length */
function edgesOf(each, length) {
  const widest = [...each.intervals].sort((a, b) => b.level - a.level)[0];
  return (widest ? [widest.low, widest.high] : []).map((values) => ({
    type: 'line',
    data: placed(length, each.first, values),
    showSymbol: false,
    silent: true,
    lineStyle: { opacity: 0 },
    itemStyle: { opacity: 0 },
    emphasis: { disabled: true },
  }));
}

/** What a tooltip says of a step. @param {any} plot @param {any[]} shown @param {number} at @returns {Array<[string, any]>} */
function pointAt(plot, shown, at) {
  const rows = /** @type {Array<[string, any]>} */ ([['came', number(plot.values[at])]]);
  for (const each of shown) {
    const i = at - each.first;
    if (i < 0 || i >= each.forecast.length) continue;
    rows.push(['forecast', number(each.forecast[i])]);
    for (const { level, low, high } of each.intervals)
      rows.push([`${Number((100 * level).toPrecision(3))} %`, `${number(low[i])} to ${number(high[i])}`]);
  }
  return rows;
}

/** How a forecast compares with what came. @param {any} plot @param {any} each */
function missed(plot, each) {
  const widest = each.intervals[each.intervals.length - 1];
  let errors = 0;
  let inside = 0;
  let came = 0;
  each.forecast.forEach((value, i) => {
    const truth = plot.values[each.first + i];
    if (truth === null || truth === undefined || value === null) return;
    came += 1;
    errors += Math.abs(truth - value);
    if (widest && widest.low[i] <= truth && truth <= widest.high[i]) inside += 1;
  });
  if (!came) return 'Nothing came of what was forecast.';
  const held = widest ? `; ${number(inside)} of ${number(came)} values lie within the ${Number((100 * widest.level).toPrecision(3))} % interval` : '';
  return `The forecast is off by ${number(errors / came)} on average${held}.`;
}
