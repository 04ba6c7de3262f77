/** What can happen to a good file. Each mutation is a pure function of the file and of its random numbers. */
import { piecesOf, repaired } from './pieces.js';
import type { Random } from './random.js';

export type Mutation = (bytes: Buffer, random: Random, index: number) => Buffer;

/** `index` 0 to 15: that many sixteenths are left. */
const truncate: Mutation = (bytes, _random, index) => bytes.subarray(0, Math.floor((bytes.length * (index % 16)) / 16));

const flip: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  for (let count = 1 + random.int(8); count > 0; count -= 1) {
    const at = random.int(out.length);
    out[at] = (out[at] ?? 0) ^ (1 << random.int(8));
  }
  return out;
};

/** Damage where the structure is: most of what a decoder believes stands in the first few hundred bytes. */
const flipHead: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  for (let count = 1 + random.int(4); count > 0; count -= 1) {
    const at = random.int(Math.min(600, out.length));
    out[at] = random.int(2) === 0 ? random.int(256) : (out[at] ?? 0) ^ (1 << random.int(8));
  }
  return repaired(out);
};

const extremes = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];

/** A number of two or four bytes becomes an extreme one. */
const stomp: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  for (let count = 1 + random.int(3); count > 0; count -= 1) {
    const width = random.pick([2, 4]);
    const at = random.int(Math.min(2000, out.length - width));
    if (out.length < at + width) continue;
    const value = random.pick(extremes) % 2 ** (8 * width);
    if (random.int(2) === 0) out.writeUIntBE(value, at, width);
    else out.writeUIntLE(value, at, width);
  }
  return repaired(out);
};

const insert: Mutation = (bytes, random) => {
  const at = random.int(bytes.length);
  const what = random.pick([
    () => random.bytes(1 + random.int(64)),
    () => Buffer.alloc(1 + random.int(5000), random.pick([0, 0xff, 0x41])),
    () => bytes.subarray(random.int(bytes.length)),
  ])();
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);
};

const remove: Mutation = (bytes, random) => {
  const at = random.int(bytes.length);
  const count = random.pick([1, 2, 3, 4, 16, 100, bytes.length >> 2]);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
};

const overwrite: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  const at = random.int(out.length);
  out.fill(
    random.pick([random.bytes(7), Buffer.from([0]), Buffer.from([0xff])]),
    at,
    Math.min(out.length, at + 1 + random.int(400)),
  );
  return out;
};

const shuffle: Mutation = (bytes, random) => {
  const pieces = piecesOf(bytes);
  for (let count = 1 + random.int(3); count > 0; count -= 1) {
    const from = random.int(pieces.length);
    const to = random.int(pieces.length);
    const piece = pieces[from];
    if (piece === undefined) continue;
    const operation = random.int(4);
    if (operation === 0) pieces.splice(from, 1);
    else if (operation === 1) pieces.splice(to, 0, piece);
    else if (operation === 2) pieces.splice(to, 0, ...pieces.splice(from, 1));
    else pieces.splice(to, 0, ...Array.from({ length: 50 }, () => piece));
  }
  return repaired(Buffer.concat(pieces));
};

/** The smallest whole part of a format that says nothing, by how its files begin. */
const smallest: readonly (readonly [string, string])[] = [
  ['\xff\xd8', '\xff\xfe\0\x02'],
  ['\x89PNG', '\0\0\0\0aaAa\x38\x1c\xc1\xe7'],
  ['GIF8', '\x21\xfe\0'],
  ['RIFF', 'AAAA\0\0\0\0'],
];

/** One part, the smallest there is or one of its own, as often as an upload may hold it. */
const swell: Mutation = (bytes, random) => {
  const pieces = piecesOf(bytes);
  const [, nothing = '\0\0\0\x08free'] = smallest.find(([head]) => bytes.indexOf(head, 0, 'latin1') === 0) ?? [];
  const part = random.int(3) === 0 ? random.pick(pieces) : Buffer.from(nothing, 'latin1');
  const room = random.pick([100_000, 1_000_000, 19_000_000]);
  const parts = Buffer.alloc(Math.ceil(room / part.length) * part.length, part);
  pieces.splice(1 + random.int(pieces.length), 0, parts);
  const out = Buffer.concat(pieces);
  if (out.toString('latin1', 0, 4) === 'RIFF') out.writeUInt32LE(out.length - 8, 4);
  return out.subarray(0, 20_000_000);
};

/** Where a format says how wide and high a picture is: the place of both, and the bytes of a number. */
function sizesAt(bytes: Buffer): readonly [width: number, height: number, length: 2 | 4, little?: 'little'] {
  const head = bytes.toString('latin1', 0, 12);
  if (head.startsWith('\x89PNG')) return [16, 20, 4];
  if (head.startsWith('GIF8')) return [6, 8, 2, 'little'];
  if (head.startsWith('BM')) return [18, 22, 4, 'little'];
  if (head.startsWith('\xff\xd8')) {
    const frame = Math.max(bytes.indexOf(Buffer.from([0xff, 0xc0])), bytes.indexOf(Buffer.from([0xff, 0xc2])));
    return [frame + 7, frame + 5, 2];
  }
  if (head.startsWith('II*')) {
    // The fields are in the order of their tags; nearly every file begins with width and height.
    const fields = bytes.readUInt32LE(4) + 2;
    return [fields + 8, fields + 20, 4, 'little'];
  }
  const extent = bytes.indexOf('ispe');
  return extent < 0 ? [26, 28, 2, 'little'] : [extent + 8, extent + 12, 4];
}

/** Another shape: one side becomes short, the other as long as its number can say, or as the limit on pixels allows. */
const stretch: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  const [width, height, length, little] = sizesAt(out);
  if (Math.max(width, height) + length > out.length || Math.min(width, height) < 0) return out;
  const short = random.pick([1, 2, 7, 40, 600]);
  const long = Math.min(2 ** (8 * length) - 1, random.pick([Math.floor(40_000_000 / short), 1_000_000, 65_535]));
  const write = (value: number, at: number): void => {
    if (little) out.writeUIntLE(value, at, length);
    else out.writeUIntBE(value, at, length);
  };
  const wide = random.int(2) === 0;
  write(wide ? long : short, width);
  write(wide ? short : long, height);
  if (out.toString('latin1', 1, 4) === 'PNG') out[28] = random.int(2);
  return repaired(out);
};

/** A region of zeros behind the head: what a broken download or disk leaves. */
const zero: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  const from = Math.min(out.length, 100) + random.int(Math.max(0, out.length - 100));
  out.fill(0, from, Math.min(out.length, from + random.pick([16, 256, 4096, out.length >> 2])));
  return out;
};

/** Two blocks of the same size in each other's place. */
const swap: Mutation = (bytes, random) => {
  const out = Buffer.from(bytes);
  const length = Math.min(random.pick([8, 64, 512]), out.length >> 2);
  const [one, other] = [random.int(out.length - length), random.int(out.length - length)];
  bytes.copy(out, other, one, one + length);
  bytes.copy(out, one, other, other + length);
  return out;
};

export const mutations: Readonly<Record<string, Mutation>> = {
  truncate,
  flip,
  'flip-head': flipHead,
  stomp,
  insert,
  remove,
  overwrite,
  shuffle,
  swell,
  stretch,
  zero,
  swap,
};
