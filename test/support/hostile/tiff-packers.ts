/** The codecs of TIFF that pack bytes, plain and slow. */
import { deflateSync } from 'node:zlib';

export const tiffCodecs = {
  none: 1,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  packbits: 32_773,
  zstd: 50_000,
  webp: 50_001,
} as const;
export type TiffCodec = keyof typeof tiffCodecs;

export function reversedBits(bytes: Buffer): Buffer {
  return Buffer.from(
    bytes.map((byte) => Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2)),
  );
}

/** JPEG and WebP are none of this: they are pictures of their own. */
export function pack(bytes: Buffer, codec: TiffCodec): Buffer {
  switch (codec) {
    case 'deflate':
      return deflateSync(bytes);
    case 'packbits':
      return packbits(bytes);
    case 'lzw':
      return lzw(bytes);
    case 'zstd':
      return zstd(bytes);
    case 'none':
    case 'jpeg':
    case 'webp':
      return bytes;
  }
}

export function packbits(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let run = 1;
    while (run < 128 && at + run < bytes.length && bytes[at + run] === bytes[at]) run += 1;
    if (run > 2) {
      out.push(257 - run, bytes[at] ?? 0);
      at += run;
      continue;
    }
    let end = at + 1;
    while (end < bytes.length && end - at < 128 && !(bytes[end] === bytes[end + 1] && bytes[end] === bytes[end + 2]))
      end += 1;
    out.push(end - at - 1, ...bytes.subarray(at, end));
    at = end;
  }
  return Buffer.from(out);
}

export function lzw(bytes: Uint8Array): Buffer {
  const bits: string[] = [];
  let table = new Map<string, number>();
  let [next, width] = [258, 9];
  const put = (code: number): void => void bits.push(code.toString(2).padStart(width, '0'));
  const code = (text: string): number => (text.length === 1 ? text.charCodeAt(0) : (table.get(text) ?? 0));
  put(256);
  let text = '';
  for (const byte of bytes) {
    const longer = text + String.fromCharCode(byte);
    if (longer.length === 1 || table.has(longer)) {
      text = longer;
      continue;
    }
    put(code(text));
    table.set(longer, next);
    next += 1;
    if (next === 2 ** width) width += 1;
    if (next === 4095) {
      put(256);
      table = new Map();
      [next, width] = [258, 9];
    }
    text = String.fromCharCode(byte);
  }
  if (text.length > 0) {
    put(code(text));
    next += 1;
    if (next === 2 ** width) width += 1;
  }
  put(257);
  const all = bits.join('');
  return Buffer.from(
    all
      .padEnd(Math.ceil(all.length / 8) * 8, '0')
      .match(/.{8}/g)
      ?.map((byte) => Number.parseInt(byte, 2)) ?? [],
  );
}

/** A frame of blocks that are stored as they are (RFC 8878). */
function zstd(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) {
    const block = bytes.subarray(at, at + 65_536);
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (at + 65_536 >= bytes.length ? 1 : 0), 0, 3);
    blocks.push(head, block);
  }
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  head[4] = 0xa0;
  head.writeUInt32LE(bytes.length, 5);
  return Buffer.concat([head, ...blocks]);
}
