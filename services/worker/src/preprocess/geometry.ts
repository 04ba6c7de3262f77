/**
 * Where the model's square lies in a picture: torchvision's Resize and CenterCrop, to the pixel.
 * Source: torchvision.transforms.functional.resize and center_crop.
 */
import type { Preprocess } from '@quintet/models';

/** Of the `preprocess` section of a model's manifest: short side after resizing, side of the crop, in pixels, and the filter. */
export type CropSpec = Readonly<Pick<Preprocess, 'resize' | 'crop' | 'interpolation'>>;

/** Where the crop lies does not depend on the filter. */
type CropSides = Pick<CropSpec, 'resize' | 'crop'>;

export interface CropPlan {
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
export function cropRegion(
  { width, height }: PictureSize,
  spec: CropSides,
): PictureSize & { readonly left: number; readonly top: number } {
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
