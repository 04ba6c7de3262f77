/**
 * A picture's file cut where its format cuts it: PNG chunks, JPEG segments, RIFF chunks, ISO boxes, GIF blocks. What is left
 * out, doubled or put elsewhere is then still well-formed piece by piece, which gets further into a decoder than noise.
 */
import { crc32 } from 'node:zlib';

/** The pieces in order; joined they are the file again. Whatever cannot be cut further is one last piece. */
export function piecesOf(bytes: Buffer): Buffer[] {
  const cut = cutter(bytes);
  const ends = cut === undefined ? [] : cut(bytes);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const end of ends) {
    if (end <= from || end > bytes.length) break;
    pieces.push(bytes.subarray(from, end));
    from = end;
  }
  if (from < bytes.length) pieces.push(bytes.subarray(from));
  return pieces;
}

type Cutter = (bytes: Buffer) => number[];

function cutter(bytes: Buffer): Cutter | undefined {
  const head = bytes.toString('latin1', 0, 12);
  if (head.startsWith('\xff\xd8')) return jpegEnds;
  if (head.startsWith('\x89PNG')) return (png) => [8, ...chunkEnds(png, 8, 12, (at) => png.readUInt32BE(at))];
  if (head.startsWith('RIFF'))
    return (webp) => [12, ...chunkEnds(webp, 12, 8, (at) => even(webp.readUInt32LE(at + 4)))];
  if (head.startsWith('GIF8')) return gifEnds;
  if (head.slice(4, 8) === 'ftyp') return boxEnds;
  return undefined;
}

const even = (length: number): number => length + (length & 1);

function chunkEnds(bytes: Buffer, from: number, overhead: number, length: (at: number) => number): number[] {
  const ends: number[] = [];
  for (let at = from; at + 8 <= bytes.length;) {
    at += overhead + length(at);
    ends.push(at);
  }
  return ends;
}

/** Segments; entropy-coded data belongs to its scan. */
function jpegEnds(bytes: Buffer): number[] {
  const ends = [2];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const scan = bytes[at + 1] === 0xda;
    at += 2 + bytes.readUInt16BE(at + 2);
    while (scan && at + 1 < bytes.length) {
      const code = bytes[at + 1] ?? 0;
      if (bytes[at] === 0xff && code !== 0 && !(code >= 0xd0 && code <= 0xd7)) break;
      at += 1;
    }
    ends.push(at);
  }
  return ends;
}

function gifEnds(bytes: Buffer): number[] {
  const table = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  const ends = [13 + table(bytes[10] ?? 0)];
  for (let at = ends[0] ?? 13; at < bytes.length && bytes[at] !== 0x3b;) {
    at += bytes[at] === 0x2c ? 11 + table(bytes[at + 9] ?? 0) : 2;
    for (let size = bytes[at] ?? 0; size > 0 && at < bytes.length; size = bytes[at] ?? 0) at += 1 + size;
    at += 1;
    ends.push(at);
  }
  return ends;
}

const containers = new Set(['meta', 'iprp', 'ipco', 'iinf', 'iref']);

/** Boxes; of containers each child, so that properties and items can be mixed up. Sizes are left as they were. */
function boxEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  const walk = (from: number, to: number): void => {
    for (let at = from; at + 8 <= to;) {
      const size = bytes.readUInt32BE(at);
      if (size < 8 || at + size > to) return;
      const type = bytes.toString('latin1', at + 4, at + 8);
      if (containers.has(type)) {
        const head = at + 8 + (type === 'meta' || type === 'iref' ? 4 : type === 'iinf' ? 6 : 0);
        ends.push(head);
        walk(head, at + size);
      }
      ends.push(at + size);
      at += size;
    }
  };
  walk(0, bytes.length);
  return ends;
}

/** Corrects what only says that the rest is whole: PNG's checksums and RIFF's length. */
export function repaired(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  if (out.toString('latin1', 0, 4) === 'RIFF' && out.length >= 12) out.writeUInt32LE(out.length - 8, 4);
  if (out.toString('latin1', 1, 4) !== 'PNG') return out;
  for (let at = 8; at + 12 <= out.length;) {
    const length = out.readUInt32BE(at);
    if (at + 12 + length > out.length) break;
    out.writeUInt32BE(crc32(out.subarray(at + 4, at + 8 + length)), at + 8 + length);
    at += 12 + length;
  }
  return out;
}
