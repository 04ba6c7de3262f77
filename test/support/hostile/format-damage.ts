/**
 * Damage that knows the format: of one tile, one strip, one codec, of run lengths, sub-blocks, chunks and boxes. What is left is
 * well-formed around it, so that it reaches the part of a decoder that must notice.
 */
import type { Mutation } from './mutate.js';
import { piecesOf, repaired } from './pieces.js';
import type { Random } from './random.js';
import { tiffEntries, tiffValue } from './tiff-reader.js';

export interface FormatDamage {
  /** Names of the seed pictures that it can be done to. */
  readonly of: RegExp;
  readonly mutate: Mutation;
}

/** Overwrites, flips or empties a part of `bytes` in place. */
function harm(bytes: Buffer, from: number, length: number, random: Random): void {
  if (length <= 0) return;
  const start = from + random.int(length);
  const end = Math.min(from + length, start + 1 + random.int(length));
  const how = random.int(4);
  if (how === 0) bytes.fill(0, from, from + length);
  else if (how === 1) bytes.fill(0, start, end);
  else if (how === 2) bytes.fill(random.bytes(13), start, end);
  else for (let at = start; at < end; at += 1 + random.int(40)) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
}

/** One or all strips or tiles, their data or what the directory says of them. */
const pieceOfTiff =
  (offsetsTag: number, countsTag: number): Mutation =>
  (bytes, random) => {
    const out = Buffer.from(bytes);
    const fields = tiffEntries(out);
    const offsets = fields.find(({ tag }) => tag === offsetsTag);
    const counts = fields.find(({ tag }) => tag === countsTag);
    if (offsets === undefined || counts === undefined) return out;
    const place = random.int(5);
    const index = random.int(offsets.count);
    if (place === 0) {
      for (let each = 0; each < offsets.count; each += 1)
        harm(out, tiffValue(out, offsets, each), tiffValue(out, counts, each), random);
    } else if (place === 1) {
      const field = random.pick([offsets, counts]);
      const width = field.type === 3 ? 2 : 4;
      const at = field.at + width * index;
      out.fill(random.pick([Buffer.from([0]), random.bytes(width)]), at, at + width);
    } else {
      harm(out, tiffValue(out, offsets, index), tiffValue(out, counts, index), random);
    }
    return out;
  };

const compressions = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 32773, 32946, 34712, 34887, 34925, 50000, 50001, 50002, 52546, 65000,
];

/** Another codec than the one that packed the data. */
const codec: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  const field = tiffEntries(out).find(({ tag }) => tag === 259);
  if (field === undefined) return out;
  const value = random.pick(compressions);
  if (out.toString('latin1', 0, 2) === 'II') out.writeUInt16LE(value, field.at);
  else out.writeUInt16BE(value, field.at);
  return out;
};

/** Codes of run-length data that are left out, doubled, made up, or follow each other otherwise. */
const runLengths: Mutation = (bytes, random) => {
  const start = bytes.readUInt32LE(10);
  const codes: Buffer[] = [];
  for (let at = start; at < bytes.length; at += 2) codes.push(bytes.subarray(at, at + 2));
  for (let count = 1 + random.int(6); count > 0; count -= 1) {
    const at = random.int(codes.length);
    const made = random.pick([
      Buffer.from([0, 0]),
      Buffer.from([0, 1]),
      Buffer.from([0, 2, random.int(40), random.int(3)]),
      Buffer.from([0, 3 + random.int(20)]),
      Buffer.from([1 + random.int(255), random.int(256)]),
    ]);
    codes.splice(at, random.int(3), ...(random.int(3) === 0 ? [] : [made]));
  }
  return Buffer.concat([bytes.subarray(0, start), ...codes]);
};

/** Blocks of a GIF: left out, doubled, cut, filled with something else; the sizes of sub-blocks and of codes. */
const gifBlocks: Mutation = (bytes, random) => {
  const pieces = piecesOf(bytes).map((piece) => Buffer.from(piece));
  const at = random.int(pieces.length);
  const piece = pieces[at] ?? Buffer.alloc(0);
  const how = random.int(7);
  if (how === 0) pieces.splice(at, 1);
  else if (how === 1) pieces.splice(at, 0, Buffer.alloc(random.int(30), random.pick([0, 0xff, 0x21])));
  else if (how === 2) pieces[at] = piece.subarray(0, random.int(piece.length));
  else if (how === 3) harm(piece, Math.min(12, piece.length), piece.length - 12, random);
  else if (how === 4) return Buffer.concat(pieces).subarray(0, -1 - random.int(3));
  else if (piece.length > 12) {
    // Sub-blocks of data that end early, or the least size of a code.
    const size = 10 + ((piece[9] ?? 0) & 0x80 ? 3 * 2 ** (((piece[9] ?? 0) & 7) + 1) : 0);
    const place = how === 5 ? size : size + 1 + 256 * random.int(piece.length >> 8);
    if (place < piece.length) piece[place] = how === 5 ? random.int(14) : random.pick([0, 1, 255]);
  }
  return Buffer.concat(pieces);
};

/** Chunks of a PNG with right checksums around wrong data, wrong checksums around right data, and none at all. */
const pngChunks: Mutation = (bytes, random) => {
  const pieces = piecesOf(bytes).map((piece) => Buffer.from(piece));
  const at = 1 + random.int(pieces.length - 1);
  const piece = pieces[at] ?? Buffer.alloc(12);
  const how = random.int(6);
  if (how === 0) pieces.splice(at, 1);
  else if (how === 1) harm(piece, 8, piece.length - 12, random);
  else if (how === 2) piece[piece.length - 1 - random.int(4)] = random.int(256);
  else if (how === 3) pieces[at] = piece.subarray(0, random.int(piece.length));
  else if (how === 4) piece.writeUInt32BE(random.pick([0, 1, piece.length - 11, piece.length, 0x7fffffff]), 0);
  else pieces.splice(random.int(pieces.length), 0, Buffer.from(piece));
  const out = Buffer.concat(pieces);
  return how === 2 || how === 3 ? out : repaired(out);
};

/** Boxes of AVIF and HEIC: their sizes, types, and what is in them. */
const boxes: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  const pieces = piecesOf(out);
  const piece = random.pick(pieces);
  const at = out.indexOf(piece);
  if (at < 0 || piece.length < 8) return out;
  const how = random.int(4);
  if (how === 0) out.writeUInt32BE(random.pick([0, 1, 8, piece.length - 1, piece.length + 1, 0xffffffff]), at);
  else if (how === 1)
    out.write(random.pick(['free', 'mdat', 'ispe', 'hvcC', 'av1C', 'irot', 'clap']), at + 4, 'latin1');
  else if (how === 2) harm(out, at + 8, piece.length - 8, random);
  else return Buffer.concat([out.subarray(0, at), out.subarray(at + piece.length)]);
  return out;
};

export const formatDamages: Readonly<Record<string, FormatDamage>> = {
  tiles: { of: /^tiff-tiles/, mutate: pieceOfTiff(324, 325) },
  strips: { of: /^tiff-(?!tiles)/, mutate: pieceOfTiff(273, 279) },
  codecs: { of: /^tiff/, mutate: codec },
  'rle-bmp': { of: /^bmp-rle/, mutate: runLengths },
  'gif-blocks': { of: /^gif/, mutate: gifBlocks },
  'png-chunks': { of: /^png/, mutate: pngChunks },
  boxes: { of: /^(avif|heic)/, mutate: boxes },
};
