/**
 * EXIF's orientations without turning the picture: what lies in memory as it was stored is resampled along turned axes, and only
 * the crop is turned. A decoder then gives rows as it comes to them, and nothing needs the whole picture. The result is that of
 * turning first, to the bit.
 */
import type { Axis } from './resample.js';

/** The axes of a picture: of how it is shown, or of how it is stored. */
export interface Axes {
  readonly across: Axis;
  readonly down: Axis;
}

/** Orientations 5 to 8: rows are stored as columns. */
export function isTransposed(orientation: number): boolean {
  return orientation >= 5;
}

const mirroredAcross: ReadonlySet<number> = new Set([2, 3, 7, 8]);
const mirroredDown: ReadonlySet<number> = new Set([3, 4, 6, 7]);

/** The axes along which a picture is stored, from those along which it is shown. `orientation`: EXIF's, 1 to 8. */
export function storedAxes({ across, down }: Axes, orientation: number): Axes {
  const [storedAcross, storedDown] = isTransposed(orientation) ? [down, across] : [across, down];
  return {
    across: { ...storedAcross, backwards: mirroredAcross.has(orientation) },
    down: { ...storedDown, backwards: mirroredDown.has(orientation) },
  };
}

/** A stored axis in at most `parts` runs of its output pixels, in the order of the source. */
export function partsOf(axis: Axis, parts: number): Axis[] {
  const most = Math.ceil(axis.length / parts);
  const runs: Axis[] = [];
  for (let at = 0; at < axis.length; at += most) {
    const length = Math.min(most, axis.length - at);
    runs.push({ ...axis, length, start: axis.start + (axis.backwards === true ? axis.length - at - length : at) });
  }
  return runs;
}

/** An RGB picture as it is shown, from how it is stored: `width` × `height` pixels. `data` itself where nothing is to be done. */
export function upright(data: Uint8Array, width: number, height: number, orientation: number): Uint8Array {
  if (orientation === 1) return data;
  const [stepAcross, stepDown] = [
    mirroredAcross.has(orientation) ? -3 : 3,
    (mirroredDown.has(orientation) ? -3 : 3) * width,
  ];
  const first = (stepAcross < 0 ? (width - 1) * 3 : 0) + (stepDown < 0 ? (height - 1) * width * 3 : 0);
  const [columns, rows, nextColumn, nextRow] = isTransposed(orientation)
    ? [height, width, stepDown, stepAcross]
    : [width, height, stepAcross, stepDown];
  const out = new Uint8Array(data.length);
  let to = 0;
  for (let row = 0; row < rows; row += 1) {
    let from = first + row * nextRow;
    for (let column = 0; column < columns; column += 1, from += nextColumn, to += 3) {
      out[to] = data[from] ?? 0;
      out[to + 1] = data[from + 1] ?? 0;
      out[to + 2] = data[from + 2] ?? 0;
    }
  }
  return out;
}
