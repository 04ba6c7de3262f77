import { describe, expect, it } from 'vitest';
import { makeImage } from '../../../../test/fixtures/images/index.js';
import { plainJpeg } from './crop-with-sharp.js';

const size = { width: 37, height: 23 };

describe('plainJpeg', () => {
  it('knows the size of an ordinary JPEG', async () => {
    expect(plainJpeg(await makeImage({ format: 'jpeg', ...size }))).toEqual(size);
    expect(plainJpeg(await makeImage({ format: 'jpeg', progressive: true, ...size }))).toEqual(size);
    expect(plainJpeg(await makeImage({ format: 'jpeg', colour: 'grey', ...size }))).toEqual(size);
  });

  it('says nothing where libvips must be asked: EXIF, CMYK, other formats, damage', async () => {
    const jpeg = await makeImage({ format: 'jpeg', ...size });
    expect(plainJpeg(await makeImage({ format: 'jpeg', orientation: 6, ...size }))).toBeUndefined();
    expect(plainJpeg(await makeImage({ format: 'jpeg', colour: 'cmyk', ...size }))).toBeUndefined();
    expect(plainJpeg(await makeImage({ format: 'png', ...size }))).toBeUndefined();
    for (let length = 0; length < 600; length += 7) {
      expect([undefined, size]).toContainEqual(plainJpeg(jpeg.subarray(0, length)));
    }
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    expect(
      plainJpeg(Buffer.concat([jpeg.subarray(0, frame), jpeg.subarray(frame, frame + 19), jpeg.subarray(frame)])),
    ).toBeUndefined();
  });
});
