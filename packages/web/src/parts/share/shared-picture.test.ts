import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostSharedBytes, readSharedPicture, writeSharedPicture } from './shared-picture.js';

/** What is looked at of a JPEG: its first segment, its frame header of that size, a scan of `body` bytes, its end. */
function jpeg(width: number, height: number, body = 100): Uint8Array<ArrayBuffer> {
  const two = (value: number): number[] => [value >> 8, value & 255];
  return new Uint8Array([
    ...[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2],
    ...[0xff, 0xc0, 0, 11, 8, ...two(height), ...two(width), 1, 1, 0x11, 0],
    ...[0xff, 0xda, ...Array.from({ length: body }, (_, at) => at % 251), 0xff, 0xd9],
  ]);
}
const written = (bytes: Uint8Array<ArrayBuffer>): Promise<string> => writeSharedPicture(new Blob([bytes]));
const kindOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => readSharedPicture(await written(bytes)).kind;

describe('a picture in a link', () => {
  it('comes back as it was, in characters that no program escapes', async () => {
    const bytes = jpeg(160, 120, mostSharedBytes - 30);
    const text = await written(bytes);
    expect(text).toMatch(/^[0-9a-z]+\.[\w-]+$/);
    expect(text.length).toBeLessThan(8192);
    const read = readSharedPicture(text);
    if (read.kind !== 'picture') throw new Error(read.kind);
    expect(read.jpeg.type).toBe('image/jpeg');
    expect(new Uint8Array(await read.jpeg.arrayBuffer())).toEqual(bytes);
  });

  it('that was cut anywhere says so', async () => {
    const text = await written(jpeg(160, 120));
    for (let length = text.indexOf('.'); length < text.length; length += 1) {
      expect([length, readSharedPicture(text.slice(0, length)).kind]).toEqual([length, 'cut']);
    }
    expect(readSharedPicture('').kind).toBe('cut');
  });

  it('is a small JPEG and nothing else', async () => {
    const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
    expect(await kindOf(jpeg(512, 512))).toBe('picture');
    for (const bytes of [
      jpeg(16_000, 16_000),
      jpeg(513, 1),
      jpeg(0, 100),
      jpeg(160, 120, 20_000),
      text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
      text('<script>alert(1)</script>'),
      text('GIF89a'),
      new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
      new Uint8Array(),
      jpeg(160, 120).slice(0, -2),
      new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xe0, 0, 0, 0xff, 0xd9]),
    ]) {
      expect([bytes.slice(0, 24), await kindOf(bytes)]).toEqual([bytes.slice(0, 24), 'refused']);
    }
    expect(readSharedPicture(`${await written(jpeg(160, 120))}AAAA`).kind).toBe('refused');
    expect(readSharedPicture(`data:image/svg+xml,%3Csvg%3E`).kind).toBe('refused');
    expect(readSharedPicture('A'.repeat(1_000_000)).kind).toBe('refused');
  });

  it('of any text is one of the three, and never fails', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-z]{1,4}\.[\w-]*$/)), (text) => {
        expect(['picture', 'cut', 'refused']).toContain(readSharedPicture(text).kind);
      }),
    );
  });
});
