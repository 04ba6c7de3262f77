/** The worker's resampling in plain JavaScript, its way before the WebAssembly kernel: what the kernel is measured against. */
const precision = 22;

/** @typedef {{ source: number, target: number, start: number, length: number }} Axis */

/** @param {Axis} axis */
function weightsOf({ source, target, start, length }) {
  const scale = source / target;
  const width = Math.max(1, scale);
  const stride = Math.ceil(width) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const values = new Int32Array(length * stride);
  for (let i = 0; i < length; i += 1) {
    const center = (start + i + 0.5) * scale;
    first[i] = Math.max(0, Math.trunc(center - width + 0.5));
    count[i] = Math.min(source, Math.trunc(center + width + 0.5)) - first[i];
    const exact = Array.from({ length: count[i] }, (_, k) =>
      Math.max(0, 1 - Math.abs((first[i] + k - center + 0.5) / width)),
    );
    const sum = exact.reduce((all, weight) => all + weight, 0);
    for (const [k, weight] of exact.entries())
      values[i * stride + k] = Math.trunc(0.5 + (weight / sum) * 2 ** precision);
  }
  return { first, count, values, stride };
}

/** A whole picture's crop. @param {Uint8Array} data @param {Axis} across @param {Axis} down */
export function plainResample(data, across, down) {
  const [columns, rows] = [weightsOf(across), weightsOf(down)];
  const top = rows.first[0];
  const bottom = rows.first[down.length - 1] + rows.count[down.length - 1];
  const line = across.length * 3;
  const middle = new Uint8Array((bottom - top) * line);
  for (let row = top; row < bottom; row += 1) {
    weigh(columns, data, row * across.source * 3, 3, middle, (row - top) * line, 3, 3);
  }
  const out = new Uint8Array(down.length * line);
  weigh(rows, middle, -top * line, line, out, 0, line, line);
  return out;
}

/** Pixels of `channels` values, `step` apart in `source`, `outStep` apart in `out`. */
function weigh({ first, count, values, stride }, source, origin, step, out, outOrigin, outStep, channels) {
  for (let i = 0; i < first.length; i += 1) {
    const from = origin + first[i] * step;
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = 1 << (precision - 1);
      for (let k = 0; k < count[i]; k += 1) sum += source[from + k * step + channel] * values[i * stride + k];
      out[outOrigin + i * outStep + channel] = Math.min(255, sum >> precision);
    }
  }
}
