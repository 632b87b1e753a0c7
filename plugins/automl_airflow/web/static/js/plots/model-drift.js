// How far each column lies from what it was, look by look: a row for each column, stronger where it is further.

import { briefTime, number, time } from '../format.js';
import { shorten, shortName } from '../names.js';
import { axis, colour, frame, tip } from './shared.js';

const MOST = 20; // columns that are drawn, the furthest first

/** Widest gap in seconds that a look's tile fills: what was not looked at stays empty. @param {any[]} looks */
function usual(looks) {
  const gaps = looks.slice(1).map((each, i) => each.time - looks[i].time).sort((a, b) => a - b);
  return gaps.length ? 1.5 * gaps[Math.floor(gaps.length / 2)] : 3600;
}

/** @param {any} data */
function tilesOf(data) {
  const places = new Map(data.looks.map((each, i) => [each.time, i]));
  const widest = usual(data.looks);
  return data.columns.slice(0, MOST).flatMap((column, row) =>
    column.points.map(([at, distance]) => {
      const place = places.get(at) ?? 0;
      const next = data.looks[place + 1]?.time ?? at + widest;
      return { column: column.name, row, at, to: Math.min(next, at + widest), distance, look: data.looks[place] };
    }),
  );
}

/** How strong a tile's colour is, from 0 to 1: the distance that is no drift yet is a third. @param {number} distance @param {number} least @param {number} most */
const depth = (distance, least, most) => (distance <= least ? distance / least / 3 : (1 + (2 * (distance - least)) / Math.max(1e-9, most - least)) / 3);

/** @type {import('../panel.js').Plot} */
export default {
  title: 'Distance of each column',
  full: true,
  tall: true,
  hint: 'A tile is a look. Grey is no drift, what has drifted is framed; what the model says is among the columns.',
  load: (context) => context.get('drift'),
  empty: (data) => (data.columns.length ? '' : 'No look has compared columns yet.'),
  option(data) {
    const tiles = tilesOf(data);
    const names = data.columns.slice(0, MOST).map((each) => each.name);
    const most = Math.max(4 * data.least, ...tiles.map((each) => each.distance));
    return {
      grid: frame({ left: 150, top: 10, right: 78 }),
      xAxis: axis({
        type: 'value',
        name: 'time',
        min: tiles.length ? Math.min(...tiles.map((each) => each.at)) : 0,
        max: tiles.length ? Math.max(...tiles.map((each) => each.to)) : 1,
        scale: false,
        splitNumber: 4,
        axisLabel: { formatter: briefTime, color: colour('muted'), hideOverlap: true },
      }),
      yAxis: axis({
        type: 'category',
        data: names.map((each) => shorten(each, 20)),
        inverse: true,
        scale: false,
        splitLine: { show: false },
        axisLabel: { color: colour('text'), width: 135, overflow: 'truncate' },
      }),
      visualMap: {
        type: 'continuous',
        min: 0,
        max: 1,
        dimension: 3,
        calculable: false,
        right: 0,
        top: 'center',
        itemHeight: 120,
        itemWidth: 12,
        text: [number(Number(most.toPrecision(2))), '0'],
        textStyle: { color: colour('muted') },
        inRange: { color: [colour('card'), colour('line'), colour('early'), colour('bad')] },
        formatter: () => '',
      },
      tooltip: {
        trigger: 'item',
        formatter: ({ data: [, , , , i] }) =>
          tip(tiles[i].column, [
            ['when', time(tiles[i].at)],
            ['distance', number(tiles[i].distance)],
            ['version', String(tiles[i].look.version)],
            ['rows', number(tiles[i].look.rows)],
            ['the table', tiles[i].look.state?.replaceAll('_', ' ')],
          ]),
      },
      series: [
        {
          type: 'custom',
          clip: true,
          encode: { x: [1, 2], y: 0 },
          data: tiles.map((each, i) => [each.row, each.at, each.to, depth(each.distance, data.least, most), i]),
          renderItem(_, api) {
            const each = tiles[api.value(4)];
            const [x1, y] = api.coord([each.at, each.row]);
            const [x2] = api.coord([each.to, each.row]);
            const height = Math.max(4, api.size([0, 1])[1] - 3);
            const moved = (each.look.drifted ?? []).includes(each.column);
            return {
              type: 'rect',
              shape: { x: x1 + 0.5, y: y - height / 2, width: Math.max(2, x2 - x1 - 1), height },
              style: { fill: api.visual('color'), stroke: moved ? colour('text') : colour('line'), lineWidth: moved ? 2 : 0.5 },
            };
          },
        },
      ],
    };
  },
  describe(data) {
    const last = data.looks[data.looks.length - 1];
    const [first] = data.columns;
    const furthest = Math.max(...first.points.map((each) => each[1]));
    const drifted = data.looks.filter((each) => each.state === 'drifted').length;
    const moved = last?.drifted ?? [];
    return `${data.looks.length === 1 ? 'One look' : `${data.looks.length} looks`}, ${drifted ? `${drifted} with drift` : 'none with drift'}. The furthest column was ${shortNameText(first.name)}, ${number(furthest)} from what it was; ${number(data.least)} is no drift yet.${moved.length ? ` Drifted now: ${moved.map(shortNameText).join(', ')}.` : ''}${data.columns.length > MOST ? ` The ${MOST} furthest columns are drawn.` : ''}`;
  },
  numbers: (data) => ({
    head: ['Column', 'When', 'Distance', 'Drifted'],
    rows: tilesOf(data).map((each) => [shortName(each.column, 40), time(each.at), number(each.distance), (each.look.drifted ?? []).includes(each.column) ? 'yes' : 'no']),
  }),
};

/** @param {string} name */
const shortNameText = (name) => shorten(name, 40);
