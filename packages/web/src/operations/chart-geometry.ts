/** The shape of the throughput chart: numbers in, SVG path data out. */

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** The value at the upper edge. */
  readonly max: number;
}

/** The least round number that is not below `value`: 1, 2, 3, 4, 6 or 8 times a power of ten. 1 where there is nothing to show. */
export function niceMax(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 3, 4, 6, 8].find((factor) => factor * power >= value * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(1));
}

/** A line through `values`, the first at the left edge and the last at the right. */
export function linePath(values: readonly number[], frame: Frame): string {
  return `M${pointsOf(values, frame).join('L')}`;
}

/** What is below that line. */
export function areaPath(values: readonly number[], frame: Frame): string {
  const { width, height } = frame;
  return `M0 ${height}L${pointsOf(values, frame).join('L')}L${width} ${height}Z`;
}

function pointsOf(values: readonly number[], { width, height, max }: Frame): string[] {
  const step = width / Math.max(1, values.length - 1);
  return values.map((value, index) => `${round(index * step)} ${round(height * (1 - Math.min(1, value / max)))}`);
}

const round = (value: number): number => Math.round(value * 100) / 100;
