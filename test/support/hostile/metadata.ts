/** Colour profiles and EXIF blocks that no camera wrote, in files whose picture is good. */
import { deflateSync } from 'node:zlib';
import { makeImage } from '../../fixtures/images/index.js';
import { pngChunk } from '../../fixtures/images/png-bits.js';
import type { Makers } from './bombs.js';
import { randomOf } from './random.js';
import { type TiffField, type TiffOptions, writeTiff } from './tiff-writer.js';

function segment(marker: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(2 + payload.length, 2);
  return Buffer.concat([head, payload]);
}

async function jpegWith(...segments: readonly Buffer[]): Promise<Buffer> {
  const jpeg = await makeImage({ format: 'jpeg', width: 96, height: 64 });
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

async function pngWith(...chunks: readonly Buffer[]): Promise<Buffer> {
  const png = await makeImage({ format: 'png', width: 96, height: 64 });
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
}

async function webpWith(kind: 'EXIF' | 'ICCP', payload: Buffer): Promise<Buffer> {
  const webp = await makeImage({ format: 'webp', width: 96, height: 64, icc: 'p3', orientation: 3 });
  const head = Buffer.alloc(8);
  head.write(kind, 0, 'latin1');
  head.writeUInt32LE(payload.length, 4);
  const out = Buffer.concat([webp, head, payload, Buffer.alloc(payload.length & 1)]);
  out.writeUInt32LE(out.length - 8, 4);
  return out;
}

/** Profiles: a header that says `size`, a tag table that says `tags`, and whatever stands behind. */
function profile(size: number, tags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(132);
  head.writeUInt32BE(size, 0);
  head.write('lcms\x04\x30\0\0mntrRGB XYZ ', 4, 'latin1');
  head.write('acsp', 36, 'latin1');
  head.writeUInt32BE(tags, 128);
  return Buffer.concat([head, body]);
}

/** Tags that all point at one place. */
const tagsAt = (count: number, offset: number, size: number): Buffer => {
  const tag = Buffer.alloc(12);
  tag.write('A2B0', 0, 'latin1');
  tag.writeUInt32BE(offset, 4);
  tag.writeUInt32BE(size, 8);
  return Buffer.alloc(12 * count, tag);
};

const profiles: Readonly<Record<string, () => Buffer>> = {
  empty: () => Buffer.alloc(0),
  zeros: () => Buffer.alloc(3000),
  noise: () => randomOf('icc noise').bytes(5000),
  'header-alone': () => profile(132, 0, Buffer.alloc(0)),
  'size-4294967295': () => profile(0xffffffff, 1, tagsAt(1, 144, 100)),
  'size-0': () => profile(0, 1, tagsAt(1, 144, 100)),
  'tags-4294967295': () => profile(400, 0xffffffff, tagsAt(20, 144, 16)),
  'tags-outside': () => profile(400, 20, tagsAt(20, 0xfffffff0, 0xfffffff0)),
  'tags-in-themselves': () => profile(400, 20, tagsAt(20, 132, 240)),
  'table-of-16-dimensions': () =>
    profile(
      400,
      1,
      Buffer.concat([
        tagsAt(1, 144, 256),
        Buffer.from('mft2\0\0\0\0\x0f\x0f\xff\0', 'latin1'),
        Buffer.alloc(200, 0xff),
      ]),
    ),
};

/** The profile in as many APP2 segments as it needs; `count` is what each says of their number. */
function profileSegments(bytes: Buffer, count?: number): Buffer[] {
  const most = 65_000;
  const pieces = Math.max(1, Math.ceil(bytes.length / most));
  return Array.from({ length: pieces }, (_, i) =>
    segment(
      0xe2,
      Buffer.concat([
        Buffer.from('ICC_PROFILE\0', 'latin1'),
        Buffer.from([(i + 1) & 0xff, (count ?? pieces) & 0xff]),
        bytes.subarray(i * most, (i + 1) * most),
      ]),
    ),
  );
}

const long = (tag: number, ...values: readonly number[]): TiffField => ({ tag, type: 4, values });
const orientation = (value: number): TiffField => ({ tag: 274, type: 3, values: [value] });

const exifs: Readonly<Record<string, TiffOptions>> = {
  'orientation-0': { fields: [orientation(0)] },
  'orientation-9': { fields: [orientation(9)] },
  'orientation-65535': { fields: [orientation(65_535)] },
  'orientation-as-text': { fields: [{ tag: 274, type: 2, values: [0x36, 0x36, 0x36, 0x36, 0] }] },
  'orientation-without-values': { fields: [{ ...orientation(6), count: 0 }] },
  'orientation-4294967295-times': { fields: [{ ...orientation(6), count: 0xffffffff }] },
  'orientation-8-times': { fields: [1, 2, 3, 4, 5, 6, 7, 8].map(orientation) },
  'circle-of-directories': { fields: [orientation(6)], next: 'self' },
  'exif-pointer-to-itself': { fields: [orientation(6), long(0x8769, 8), long(0x8825, 8)] },
  'pointers-outside': { fields: [orientation(6), long(0x8769, 0xfffffff0), long(0x8825, 0x7fffffff)] },
  'values-outside': { fields: [{ tag: 271, type: 2, values: [65], count: 0x7fffffff, offset: 0xfffffff0 }] },
  'type-65535': { fields: [{ tag: 274, type: 65_535, values: [6] }] },
  '3000-fields': { fields: Array.from({ length: 3000 }, (_, i) => long(i, i)) },
  'thumbnail-outside': { fields: [long(0x0201, 0xffffff00), long(0x0202, 0xffffffff)] },
  'maker-note-of-60-kb': {
    fields: [{ tag: 0x927c, type: 7, values: Array.from({ length: 60_000 }, (_, i) => i & 255) }],
  },
};

const exifSegment = (block: Buffer): Buffer => segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]));

function each<T>(of: Readonly<Record<string, T>>, name: string, make: (value: T) => () => Promise<Buffer>): Makers {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [`${name}-${key}`, make(value)]));
}

export const metadata: Makers = {
  ...each(profiles, 'icc-jpeg', (make) => () => jpegWith(...profileSegments(make()))),
  ...each(
    profiles,
    'icc-png',
    (make) => () => pngWith(pngChunk('iCCP', Buffer.concat([Buffer.from('p\0\0', 'latin1'), deflateSync(make())]))),
  ),
  ...each(profiles, 'icc-webp', (make) => () => webpWith('ICCP', make())),
  'icc-jpeg-of-255-segments': () => jpegWith(...profileSegments(Buffer.alloc(255 * 60_000))),
  'icc-jpeg-segments-missing': () => jpegWith(...profileSegments(profile(5000, 0, Buffer.alloc(5000)), 200)),
  'icc-jpeg-segment-0-of-0': () => jpegWith(segment(0xe2, Buffer.from('ICC_PROFILE\0\0\0abc', 'latin1'))),
  'icc-png-not-deflated': () => pngWith(pngChunk('iCCP', Buffer.from('p\0\0nothing', 'latin1'))),
  ...each(exifs, 'exif-jpeg', (options) => () => jpegWith(exifSegment(writeTiff(options)))),
  ...each(exifs, 'exif-png', (options) => () => pngWith(pngChunk('eXIf', writeTiff(options)))),
  ...each(exifs, 'exif-webp', (options) => () => webpWith('EXIF', writeTiff(options))),
  'exif-jpeg-noise': () => jpegWith(exifSegment(randomOf('exif noise').bytes(2000))),
  'exif-jpeg-empty': () => jpegWith(exifSegment(Buffer.alloc(0))),
  'exif-jpeg-40-blocks': () =>
    jpegWith(...Array.from({ length: 40 }, (_, i) => exifSegment(writeTiff({ fields: [orientation(1 + (i % 8))] })))),
  'xmp-jpeg-of-entities': () =>
    jpegWith(
      segment(
        0xe1,
        Buffer.from(
          `http://ns.adobe.com/xap/1.0/\0<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "${'a'.repeat(100)}">${'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'.repeat(50)}<!ENTITY f SYSTEM "file:///etc/hostname">]><x>&b;&f;</x>`,
          'latin1',
        ),
      ),
    ),
  'adobe-jpeg-transform-255': () => jpegWith(segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\xff', 'latin1'))),
  'jfif-jpeg-thumbnail-outside': () =>
    jpegWith(segment(0xe0, Buffer.from('JFIF\0\x01\x02\0\0\x01\0\x01\xff\xff', 'latin1'))),
};
