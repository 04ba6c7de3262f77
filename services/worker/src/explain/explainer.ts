/** From a class map to what a client is told: which label, which part of its picture, and the heat map as a file. */
import type { Explained } from '@quintet/shared';
import sharp from 'sharp';
import type { Label } from '../inference/classifier.js';
import { cropRegion, type CropSpec, type PictureSize } from '../preprocess/geometry.js';
import type { ClassMap } from './class-map.js';
import { drawHeatMap } from './heat-map.js';

export type Explainer = (map: ClassMap, picture: PictureSize) => Promise<Explained>;

/**
 * `labels` by class, `spec` as the crops are made. The pixels of a heat map are made here, in less than half a
 * millisecond; the file is packed in libuv's pool (bench/explain.mjs).
 */
export function createExplainer(labels: readonly Label[], spec: CropSpec): Explainer {
  return async (map, picture) => {
    const { index, rows, columns } = map;
    const { wnid = '', label = '' } = labels[index] ?? {};
    const { pixels, width, height } = drawHeatMap(map);
    const raw = { width, height, channels: 4 } as const;
    // No row filters: steps of equal bytes are shorter as they are.
    const png = await sharp(pixels, { raw }).png({ compressionLevel: 9, adaptiveFiltering: false }).toBuffer();
    const region = cropRegion(picture, spec);
    return { explanation: { label, wnid, index, rows, columns, region }, png };
  };
}
