/**
 * Where the model's square lies in a picture: torchvision's Resize and CenterCrop, to the pixel.
 * Source: torchvision.transforms.functional.resize and center_crop.
 *
 * EXIF's orientations need no turning of the picture: what lies in memory as it was stored is resampled along turned
 * axes, and only the crop is turned. A decoder then gives rows as it comes to them, and nothing needs the whole
 * picture. The result is that of turning first, to the bit.
 */
import type { Preprocess } from '@quintet/models';
import { sourceSpan, type Axis } from './resample.js';

/** Of the `preprocess` section of a model's manifest: short side after resizing, side of the crop, in pixels, and the filter. */
export type CropSpec = Readonly<Pick<Preprocess, 'resize' | 'crop' | 'interpolation'>>;

/** Where the crop lies does not depend on the filter. */
type CropSides = Pick<CropSpec, 'resize' | 'crop'>;

interface CropPlan {
  /** Size of the whole picture after resizing. It may be huge in one direction and is never produced as a whole. */
  readonly width: number;
  readonly height: number;
  /** Top left corner of the crop in the resized picture. */
  readonly left: number;
  readonly top: number;
  /** Side of the crop. */
  readonly crop: number;
}

/**
 * Rounds as Python's `round` does: halves go to the even neighbour. Against Math.round this moves the crop by one pixel
 * for every size whose margin is 4k + 1 (for 224: 225, 229, … 341, the long side of every 4:3 photo).
 */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Plans the crop for a picture of the given size, orientation applied. Sizes are whole pixels, at least 1. */
export function planCrop(width: number, height: number, spec: CropSides): CropPlan {
  const short = Math.min(width, height);
  const long = Math.max(width, height);
  const resizedLong = Math.trunc((spec.resize * long) / short);
  const resized =
    width <= height ? { width: spec.resize, height: resizedLong } : { width: resizedLong, height: spec.resize };
  return {
    ...resized,
    left: roundHalfEven((resized.width - spec.crop) / 2),
    top: roundHalfEven((resized.height - spec.crop) / 2),
    crop: spec.crop,
  };
}

/** Width and height of a picture in pixels, orientation applied. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The part of a picture that is in its crop, in fractions of its width and height, 0 to 1, from the top left. */
export function cropRegion({ width, height }: PictureSize, spec: CropSides): Region {
  const plan = planCrop(width, height, spec);
  return {
    left: plan.left / plan.width,
    top: plan.top / plan.height,
    width: plan.crop / plan.width,
    height: plan.crop / plan.height,
  };
}

/** Throws unless the crop fits into the resized square; the manifest is a user's file. */
export function checkSpec(spec: CropSides): void {
  const whole = Number.isInteger(spec.resize) && Number.isInteger(spec.crop);
  if (!whole || spec.crop < 1 || spec.resize < spec.crop || spec.resize > 4096) {
    throw new RangeError(
      `preprocess: crop ${spec.crop} and resize ${spec.resize} must satisfy 1 ≤ crop ≤ resize ≤ 4096`,
    );
  }
}

/** A part of a picture, in pixels or in fractions of its sides. */
export interface Region extends PictureSize {
  readonly left: number;
  readonly top: number;
}

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

/** What the crop depends on of a picture as it is stored. */
export function windowOf({ across, down }: Axes): Region {
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  const [left, top] = [columns.first, rows.first];
  return { left, top, width: columns.end - left, height: rows.end - top };
}

/** The crop's axes in a picture. */
export function axesOf(picture: PictureSize, spec: CropSpec): Axes {
  const plan = planCrop(picture.width, picture.height, spec);
  const { crop: length, interpolation } = spec;
  return {
    across: { interpolation, source: picture.width, target: plan.width, start: plan.left, length },
    down: { interpolation, source: picture.height, target: plan.height, start: plan.top, length },
  };
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
