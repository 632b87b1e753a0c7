#!/bin/sh
# Apache ECharts 6.1.0: a line with `step: 'end'` draws slopes where its steps are lower than 0.7 pixels.
#
# Expected of step: 'end': only level and upright segments, however low a step is: M0 220 H400 V219.4 H1200.
# Seen: M0 220 L400 220 L1200 219.4. The corner at (400, 219.4) is left out, so the level part after the step slopes
# over its whole length. A staircase of 40 such steps is drawn without a single upright segment: as a ramp.
# Why: the path builder (chart/line/poly.ts, drawSegment) passes over a point whose squared distance from the one before
# is below 0.5, after the step's corners have been put in. A "best so far" over a thousand trials has many such steps.
# Whoever needs steps draws the polyline in a custom series.
#
# Exits with 0 while this is so, with 1 when it has changed. Wants node and npm.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
echo '{"name": "steps", "private": true}' > package.json
npm install --no-audit --no-fund --silent echarts@6.1.0 >&2
cat > steps.cjs <<'JS'
const echarts = require('echarts');
function segments(data) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 1200, height: 320 });
  chart.setOption({
    animation: false,
    grid: { left: 0, right: 0, top: 0, bottom: 0 },
    xAxis: { type: 'value', min: 0, max: 1200, show: false },
    yAxis: { type: 'value', min: 0, max: 320, show: false },
    series: [{ type: 'line', step: 'end', symbol: 'none', data }],
  });
  const path = chart.renderToSVGString().match(/ d="(M0[^"]+)"/)[1];
  chart.dispose();
  const points = path.slice(1).split('L').map((each) => each.split(' ').map(Number));
  const kinds = { level: 0, upright: 0, sloping: 0 };
  points.slice(1).forEach(([x, y], i) => {
    const [dx, dy] = [x - points[i][0], y - points[i][1]];
    kinds[dy === 0 ? 'level' : dx === 0 ? 'upright' : 'sloping'] += 1;
  });
  return { path, kinds };
}
const one = segments([[0, 100], [400, 100.6], [1200, 100.6]]);
const stairs = segments(Array.from({ length: 41 }, (_, i) => [30 * i, 100 + 0.6 * i]));
const high = segments(Array.from({ length: 41 }, (_, i) => [30 * i, 100 + i]));
console.log(`echarts ${echarts.version}`);
console.log(`one step of 0.6 pixels: ${one.path}`);
console.log(`40 steps of 0.6 pixels: ${JSON.stringify(stairs.kinds)}`);
console.log(`40 steps of 1 pixel:    ${JSON.stringify(high.kinds)}`);
const asSeen = one.kinds.sloping === 1 && stairs.kinds.upright === 0 && stairs.kinds.sloping > 0 && high.kinds.sloping === 0;
process.exit(asSeen ? 0 : 1);
JS
node steps.cjs
