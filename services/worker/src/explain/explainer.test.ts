import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ClassMap } from './class-map.js';
import { createExplainer, drawHeatMap, heatMapSide } from './explainer.js';

const mapOf = (rows: number, columns: number, values: readonly number[]): ClassMap => ({
  ...{ index: 1, rows, columns },
  values: Float32Array.from(values),
});

/** Opacity of the pixel in the middle of a place. */
function opacity({ rows, columns }: ClassMap, pixels: Uint8Array, row: number, column: number): number {
  const [height, width] = [rows, columns].map((places) => (heatMapSide * places) / Math.max(rows, columns));
  const y = Math.floor(((row + 0.5) * (height ?? 0)) / rows);
  const x = Math.floor(((column + 0.5) * (width ?? 0)) / columns);
  return pixels[4 * (y * (width ?? 0) + x) + 3] ?? NaN;
}

describe('drawHeatMap', () => {
  it('shows what speaks for the class, the more the stronger, and nothing of what speaks against it', () => {
    const map = mapOf(2, 4, [-5, 0, 1, 2, 4, 8, -1, 0]);
    const { pixels, width, height } = drawHeatMap(map);
    expect([width, height]).toEqual([heatMapSide, heatMapSide / 2]);
    const at = (row: number, column: number): number => opacity(map, pixels, row, column);
    expect(at(0, 0)).toBeLessThan(at(1, 0));
    expect(at(1, 0)).toBeLessThan(at(1, 1));
    expect([pixels[3], at(0, 3) > 0]).toEqual([0, true]);
    // The strongest place has the strongest colour.
    expect(Math.max(...pixels.filter((_, index) => index % 4 === 3))).toBe(at(1, 1));
    // Four fifths; no pixel lies in the very middle of it.
    expect(at(1, 1)).toBeGreaterThan(0.97 * 204);
  });

  it('is smooth: no neighbours differ by more than the places between which they lie', () => {
    const { pixels, width } = drawHeatMap(
      mapOf(
        7,
        7,
        Array.from({ length: 49 }, (_, index) => Math.sin(index) + 1),
      ),
    );
    for (let at = 3; at + 4 < pixels.length; at += 4) {
      if (((at - 3) / 4 + 1) % width === 0) continue;
      expect(Math.abs((pixels[at] ?? 0) - (pixels[at + 4] ?? 0))).toBeLessThanOrEqual(20);
    }
  });

  it('is empty where nothing speaks for the class, and small whatever the map', () => {
    expect(drawHeatMap(mapOf(2, 2, [-1, -2, 0, -3])).pixels.every((byte) => byte === 0)).toBe(true);
    const large = drawHeatMap(
      mapOf(
        500,
        3,
        Array.from({ length: 1500 }, (_, index) => index),
      ),
    );
    expect([large.width, large.height]).toEqual([1, heatMapSide]);
  });
});

describe('createExplainer', () => {
  it('tells the label, the part of the picture, and packs a PNG of a few kilobytes with an alpha channel', async () => {
    const labels = [0, 1].map((index) => ({ index, wnid: `n${index}`, label: `class ${index}` }));
    const explain = createExplainer(labels, { resize: 256, crop: 224, interpolation: 'bilinear' });
    const rough = Array.from({ length: 49 }, (_, index) => Math.sin(index * 7.3) * Math.cos(index * index));
    const { explanation, png } = await explain(mapOf(7, 7, rough), { width: 640, height: 480 });
    expect(explanation).toEqual({
      ...{ label: 'class 1', wnid: 'n1', index: 1, rows: 7, columns: 7 },
      region: { left: 58 / 341, top: 16 / 256, width: 224 / 341, height: 224 / 256 },
    });
    expect(png.length).toBeLessThan(8000);
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', channels: 4, width: 112, height: 112 });
  });
});
