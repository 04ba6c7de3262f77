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

export const mutations: Readonly<Record<string, Mutation>> = {
  truncate,
  flip,
  'flip-head': flipHead,
  stomp,
  insert,
  remove,
  overwrite,
  shuffle,
};
