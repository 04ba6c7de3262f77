/** Files that are something else, or also something else: archives, pages, programs, markup, and next to nothing. */
import { gzipSync } from 'node:zlib';
import { crc32 } from 'node:zlib';
import { emptyZip, foreignTrailers, makeImage, svgWithReference } from '../../fixtures/images/index.js';
import type { Makers } from './bombs.js';

/** A ZIP with one stored member. */
export function zipOf(name: string, content: Buffer, claimed = content.length): Buffer {
  const head = Buffer.alloc(30);
  head.write('PK\x03\x04\x14', 0, 'latin1');
  head.writeUInt32LE(crc32(content), 14);
  head.writeUInt32LE(content.length, 18);
  head.writeUInt32LE(claimed >>> 0, 22);
  head.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.write('PK\x01\x02\x14\0\x14', 0, 'latin1');
  entry.writeUInt32LE(crc32(content), 16);
  entry.writeUInt32LE(content.length, 20);
  entry.writeUInt32LE(claimed >>> 0, 24);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.from(emptyZip);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length + name.length, 12);
  end.writeUInt32LE(head.length + name.length + content.length, 16);
  const label = Buffer.from(name, 'latin1');
  return Buffer.concat([head, label, content, entry, label, end]);
}

/** A TAR with one member. */
export function tarOf(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0, 'latin1');
  head.write('0000644\0', 100, 'latin1');
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  head.write('        0', 148, 'latin1');
  head.write('ustar\x0000', 257, 'latin1');
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([head, content, Buffer.alloc((512 - (content.length % 512)) % 512), Buffer.alloc(1024)]);
}

const picture = (format: 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp'): Promise<Buffer> =>
  makeImage({ format, width: 64, height: 48 });

function nested(depth: number, innermost: Buffer): Buffer {
  let bytes = innermost;
  for (let i = 0; i < depth; i += 1) bytes = zipOf(`level-${i}.zip`, bytes);
  return bytes;
}

const carriers = ['jpeg', 'png', 'gif', 'webp', 'tiff', 'avif', 'bmp'] as const;

/** Every foreign format behind every format of ours. */
function behindEach(): Makers {
  return Object.fromEntries(
    carriers.flatMap((format) =>
      Object.entries(foreignTrailers).map(([name, trailer]) => [
        `${format}+${name}`,
        async () => Buffer.concat([await picture(format), trailer]),
      ]),
    ),
  );
}

const svg = svgWithReference.toString();
const svgInside = svg.slice(svg.indexOf('<svg'));

/** Signatures alone, and with a little noise behind. */
const magics: Readonly<Record<string, string>> = {
  jpeg: '\xff\xd8\xff',
  'jpeg-end': '\xff\xd8\xff\xd9',
  png: '\x89PNG\r\n\x1a\n',
  gif87: 'GIF87a',
  gif89: 'GIF89a',
  webp: 'RIFF\0\0\0\0WEBP',
  'webp-vp8x': 'RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0',
  'tiff-ii': 'II*\0',
  'tiff-mm': 'MM\0*',
  'bigtiff-ii': 'II+\0\x08\0\0\0',
  'bigtiff-mm': 'MM\0+\0\x08\0\0',
  bmp: 'BM',
  avif: '\0\0\0\x18ftypavif\0\0\0\0avifmif1',
  heic: '\0\0\0\x18ftypheic\0\0\0\0heicmif1',
  heif: '\0\0\0\x18ftypmif1\0\0\0\0mif1miaf',
  mp4: '\0\0\0\x18ftypisom\0\0\0\0isommp42',
  jxl: '\xff\x0a',
  jp2: '\0\0\0\x0cjP  \r\n\x87\n',
  psd: '8BPS\0\x01',
  ico: '\0\0\x01\0\x01\0',
  pdf: '%PDF-1.7\n',
  zip: 'PK\x03\x04',
  gzip: '\x1f\x8b\x08',
  bzip2: 'BZh9',
  xz: '\xfd7zXZ\0',
  zstd: '\x28\xb5\x2f\xfd',
  rar: 'Rar!\x1a\x07\x01\0',
  elf: '\x7fELF',
  exe: 'MZ',
  exr: '\x76\x2f\x31\x01',
  hdr: '#?RADIANCE\n',
  fits: 'SIMPLE  =',
  'vips-ii': '\xb6\xa6\xf2\x08',
  'vips-mm': '\x08\xf2\xa6\xb6',
  pnm: 'P6\n64 64\n255\n',
  pfm: 'PF\n64 64\n-1.0\n',
  qoi: 'qoif',
  dicom: `${'\0'.repeat(128)}DICM`,
};

function magicCases(): Makers {
  return Object.fromEntries(
    Object.entries(magics).flatMap(([name, magic]) => {
      const bytes = Buffer.from(magic, 'latin1');
      return [
        [`magic-${name}`, () => bytes],
        [`magic-${name}-zeros`, () => Buffer.concat([bytes, Buffer.alloc(4096)])],
        [`magic-${name}-ones`, () => Buffer.concat([bytes, Buffer.alloc(4096, 0xff)])],
        [`magic-${name}-twice`, () => Buffer.concat([bytes, bytes])],
      ];
    }),
  );
}

const text = (content: string): (() => Buffer) => {
  return () => Buffer.from(content, 'utf8');
};

export const disguises: Makers = {
  ...behindEach(),
  ...magicCases(),
  empty: () => Buffer.alloc(0),
  ...Object.fromEntries(
    [0, 1, 0x0a, 0x3c, 0x42, 0x47, 0x89, 0xff].map((byte) => [`one-byte-${byte}`, () => Buffer.from([byte])]),
  ),
  'zeros-1mb': () => Buffer.alloc(1e6),
  'ones-1mb': () => Buffer.alloc(1e6, 0xff),
  zip: async () => zipOf('picture.jpg', await picture('jpeg')),
  'zip-claims-4gb': async () => zipOf('picture.jpg', await picture('jpeg'), 0xffffffff),
  'zip-nested-20': async () => nested(20, await picture('png')),
  'zip-path-outside': async () => zipOf('../../../etc/cron.d/x.jpg', await picture('jpeg')),
  tar: async () => tarOf('picture.png', await picture('png')),
  'tar-of-zip-of-tar': async () => tarOf('a.zip', zipOf('b.tar', tarOf('c.png', await picture('png')))),
  gzip: async () => gzipSync(await picture('png')),
  'gzip-bomb': () => gzipSync(Buffer.alloc(30e6), { level: 1 }),
  'gzip-of-gzip': () => gzipSync(gzipSync(Buffer.alloc(10e6), { level: 1 })),
  'jpeg+zip-of-jpeg': async () => Buffer.concat([await picture('jpeg'), zipOf('inside.jpg', await picture('jpeg'))]),
  'png+tar': async () => Buffer.concat([await picture('png'), tarOf('inside.png', await picture('png'))]),
  'zip+jpeg': async () => Buffer.concat([emptyZip, await picture('jpeg')]),
  'pdf+jpeg': async () => Buffer.concat([Buffer.from('%PDF-1.7\n'), await picture('jpeg')]),
  'jpeg-pdf-in-comment': async () => {
    const jpeg = await picture('jpeg');
    return Buffer.concat([jpeg.subarray(0, 2), Buffer.from('\xff\xfe\0\x0c%PDF-1.7\n\n', 'latin1'), jpeg.subarray(2)]);
  },
  'gif+js': async () => {
    const gif = Buffer.from(await picture('gif'));
    gif.write('/*', 6, 'latin1');
    return Buffer.concat([gif, Buffer.from('*/=1;alert(1)')]);
  },
  'bmp+js': () => Buffer.from('BM=1;/* */alert(1)//'.padEnd(200, ' ')),
  'html-in-png-text': async () => {
    const png = await picture('png');
    const body = Buffer.from('Comment\0<script>alert(1)</script>', 'latin1');
    const chunk = Buffer.alloc(12 + body.length);
    chunk.writeUInt32BE(body.length, 0);
    chunk.write('tEXt', 4, 'latin1');
    body.copy(chunk, 8);
    chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + body.length)), 8 + body.length);
    return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
  },
  svg: text(svg),
  'svg-bom': text(`\ufeff${svg}`),
  'svg-space': text(`${' \n'.repeat(3000)}${svgInside}`),
  'svg-utf16': () => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(svg, 'utf16le')]),
  'svg-gzipped': () => gzipSync(Buffer.from(svg)),
  'svg-behind-comment': text(`<!-- ${'x'.repeat(5000)} -->${svgInside}`),
  'svg-doctype': text(`<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:9/svg11.dtd">${svgInside}`),
  'svg-prefixed': text(svgInside.replace('<svg', '<a:svg xmlns:a="http://www.w3.org/2000/svg"')),
  'svg-laughs': text(
    `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "${'ha'.repeat(50)}">${'abcdefgh'
      .split('')
      .map((c, i, all) => (i === 0 ? '' : `<!ENTITY ${c} "${`&${all[i - 1] ?? ''};`.repeat(10)}">`))
      .join('')}]><svg xmlns="http://www.w3.org/2000/svg"><text>&h;</text></svg>`,
  ),
  'svg-huge': text('<svg xmlns="http://www.w3.org/2000/svg" width="999999999" height="999999999"/>'),
  'png-with-svg-inside': async () => Buffer.concat([(await picture('png')).subarray(0, 8), Buffer.from(svg)]),
  'gif-then-svg': () => Buffer.from(`GIF89a${svg}`),
  'jpeg-then-svg': () => Buffer.concat([Buffer.from('\xff\xd8\xff\xe0', 'latin1'), Buffer.from(svg)]),
  html: text('<!doctype html><img src=x onerror=alert(1)>'),
  json: text('{"image_url": "file:///etc/hostname"}'),
  php: text('<?php system($_GET[0]); ?>'),
  mvg: text("push graphic-context\nimage over 0,0 0,0 'http://127.0.0.1:9/'\npop graphic-context"),
  postscript: text('%!PS\n(/etc/hostname) (r) file'),
  m3u: text('#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname'),
};
