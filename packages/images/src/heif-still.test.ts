import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { greyAvif } from '../../../test/fixtures/images/grey-avif.js';
import { heifSequence, withColours } from '../../../test/fixtures/images/heif-sequence.js';
import { emptyZip, heicSample, testCard } from '../../../test/fixtures/images/index.js';
import { codeUnder } from './code-under.test-support.js';
import { heifPicture, inspectImage } from './index.js';

const limits = { maxPixels: 1_000_000 };
let avif: Buffer;

beforeAll(async () => {
  const { width, height, data } = testCard(64, 48);
  avif = await sharp(data, { raw: { width, height, channels: 3 } })
    .avif({ effort: 0 })
    .toBuffer();
});

const codeOf = (bytes: Buffer): string => codeUnder(bytes, limits);

describe('an image sequence', () => {
  it.each(['avis', 'msf1'])('of brand %s is its first frame', async (brand) => {
    const pixels = await sharp(avif).raw().toBuffer();
    for (const options of [{}, { alphaFirst: true }, ...(brand === 'avis' ? [{ keepsItem: true }] : [])]) {
      const bytes = heifSequence(avif, { brand, frames: 3, ...options });
      expect(inspectImage(bytes, limits)).toMatchObject({ format: 'avif', width: 64, height: 48, frames: 3 });
      expect(Buffer.compare(await sharp(heifPicture(bytes).bytes).raw().toBuffer(), pixels)).toBe(0);
    }
  });

  it('of HEVC is one too', () => {
    const bytes = heifSequence(heicSample(), { brand: 'hevc', frames: 2 });
    expect(inspectImage(bytes, limits)).toMatchObject({ format: 'heic', width: 64, height: 64, frames: 2 });
    const still = heifPicture(bytes).bytes;
    expect(inspectImage(still, limits)).toMatchObject({ format: 'heic', width: 64, height: 64, frames: 1 });
  });

  it('is checked as a picture is', () => {
    const bytes = heifSequence(avif, { brand: 'avis', frames: 1 });
    for (const length of [bytes.length - 1, bytes.length - 100]) {
      expect(codeOf(bytes.subarray(0, length))).toBe('image_truncated');
    }
    expect(() => inspectImage(bytes, { maxPixels: 64 * 48 - 1 })).toThrow(/at most 3071 pixels/);
    const empty = Buffer.from(bytes);
    empty.writeUInt32BE(0, empty.indexOf('stsz') + 12);
    expect(codeOf(empty)).toBe('image_undecodable');
  });
});

describe('what a decoder is given', () => {
  it('is the file itself where libvips reads it as it should', () => {
    for (const file of [avif, heicSample(), withColours(avif, { matrix: 6, full: true })]) {
      expect(heifPicture(file).bytes).toBe(file);
    }
  });

  it('begins with a brand that libvips knows, and the file stays as it is', async () => {
    const named = Buffer.from(avif);
    named.write('avis', 8, 'latin1');
    const { bytes } = heifPicture(named);
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 64, height: 48 });
    expect(named.toString('latin1', 8, 12)).toBe('avis');
  });

  it('says so where grey samples are of limited range: by the box, or by the data where there is none', () => {
    expect(heifPicture(greyAvif({ full: true })).limitedGrey).toBeUndefined();
    expect(heifPicture(withColours(avif, { matrix: 6, full: false })).limitedGrey).toBeUndefined();
    const limited = greyAvif({ full: false });
    expect(heifPicture(limited).limitedGrey).toBe(8);
    expect(heifPicture(heifSequence(limited, { brand: 'avis', frames: 1 })).limitedGrey).toBe(8);
  });

  it.each([true, false])('is read by libheif with the range that the box names, full: %s', async (full) => {
    const clear = withColours(avif, { matrix: 6, full });
    const vague = withColours(avif, { matrix: 2, full });
    const pixels = (file: Buffer): Promise<Buffer> => sharp(file).raw().toBuffer();
    const expected = await pixels(heifPicture(clear).bytes);
    for (const file of [vague, heifSequence(vague, { brand: 'avis', frames: 2 })]) {
      expect(Buffer.compare(await pixels(heifPicture(file).bytes), expected)).toBe(0);
    }
  });

  it.each([3, 10, 14, 16])('is nothing where the colours are coded by matrix %i', (matrix) => {
    expect(codeOf(withColours(avif, { matrix, full: true }))).toBe('image_undecodable');
    expect(codeOf(greyAvif({ matrix, full: true }))).toBe('accepted');
  });
});

describe('bytes behind the last box', () => {
  const tails = ['\n', '\r\n', 'abc', '\0\0\0\0\0\0\0', 'ABCDEFG', '\xff'.repeat(40), '\0'.repeat(5000)];
  it.each(['avif', 'heic', 'sequence'])('of %s are no part of it', (kind) => {
    const whole = {
      avif,
      heic: heicSample(),
      sequence: heifSequence(avif, { brand: 'avis', frames: 2 }),
    }[kind as 'avif'];
    for (const tail of tails) expect(codeOf(Buffer.concat([whole, Buffer.from(tail, 'latin1')]))).toBe('accepted');
    for (const foreign of [emptyZip, Buffer.concat([Buffer.from('\r\n'), emptyZip]), Buffer.from('<?php 1')]) {
      expect(codeOf(Buffer.concat([whole, foreign]))).toBe('image_polyglot');
    }
  });
});
