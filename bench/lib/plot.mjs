/** A line plot as SVG, by hand: one axis each, a line and a name for each series. */

const size = { width: 760, height: 400 };
const margin = { left: 64, right: 110, top: 44, bottom: 48 };
const colours = ['#0b6bcb', '#c4441c', '#2b8a3e', '#8250b5', '#7a6a00', '#5f6b7a'];

/** Round steps for an axis from 0 to `most`. @param {number} most */
function ticks(most) {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

const escape = (/** @type {string} */ text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const short = (/** @type {number} */ value) => String(Math.round(value * 1000) / 1000);

/**
 * @param {{ title: string, xLabel: string, yLabel: string, series: { name: string, x: number[], y: number[] }[] }} plot
 * @returns {string} the SVG document; both axes begin at 0
 */
export function linePlot({ title, xLabel, yLabel, series }) {
  const mostX = Math.max(1e-9, ...series.flatMap(({ x }) => x));
  const mostY = Math.max(1e-9, ...series.flatMap(({ y }) => y)) * 1.05;
  const inner = { width: size.width - margin.left - margin.right, height: size.height - margin.top - margin.bottom };
  const px = (/** @type {number} */ x) => margin.left + (x / mostX) * inner.width;
  const py = (/** @type {number} */ y) => size.height - margin.bottom - (y / mostY) * inner.height;
  const grid = ticks(mostY).map(
    (y) =>
      `<line x1="${margin.left}" x2="${size.width - margin.right}" y1="${py(y).toFixed(1)}" y2="${py(y).toFixed(1)}" stroke="#ddd"/>` +
      `<text x="${margin.left - 8}" y="${(py(y) + 4).toFixed(1)}" text-anchor="end">${short(y)}</text>`,
  );
  const below = ticks(mostX).map(
    (x) =>
      `<text x="${px(x).toFixed(1)}" y="${size.height - margin.bottom + 18}" text-anchor="middle">${short(x)}</text>`,
  );
  const ends = spread(series.map(({ y }) => py(y.at(-1) ?? 0)));
  const lines = series.map(({ name, x, y }, index) => {
    const colour = colours[index % colours.length];
    const points = x.map((value, at) => `${px(value).toFixed(1)},${py(y[at] ?? 0).toFixed(1)}`).join(' ');
    return (
      `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.8"/>` +
      `<text x="${size.width - margin.right + 8}" y="${((ends[index] ?? 0) + 4).toFixed(1)}" fill="${colour}">${escape(name)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="system-ui, sans-serif" font-size="12" fill="#333">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${margin.left}" y="24" font-size="15" font-weight="600">${escape(title)}</text>`,
    ...grid,
    ...below,
    `<text x="${margin.left + inner.width / 2}" y="${size.height - 10}" text-anchor="middle">${escape(xLabel)}</text>`,
    `<text x="16" y="${margin.top - 10}">${escape(yLabel)}</text>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

/** Moves labels apart that would cover each other. @param {number[]} positions */
function spread(positions) {
  const order = positions.map((_, index) => index).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0));
  const result = [...positions];
  let last = -Infinity;
  for (const index of order) {
    result[index] = Math.max(result[index] ?? 0, last + 14);
    last = result[index] ?? 0;
  }
  return result;
}
