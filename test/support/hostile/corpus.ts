/**
 * The hostile files: every case has a name, and the name is enough to make it again.
 *
 *   bomb/<name>, dense/, shape/, metadata/, disguise/<name>     made by hand
 *   <mutation>/<seed picture>/<round>/<index>         a good picture, damaged; the whole name seeds the random numbers
 *
 * Nothing of them is kept: `caseNamed` makes one, `fixedCases` names all that every run has, `mutationCases` one round of
 * damage to every seed picture. A round's names differ from every other round's, and so do its files.
 */
import { type Made, bombs } from './bombs.js';
import { dense } from './dense.js';
import { disguises } from './disguises.js';
import { formatDamages } from './format-damage.js';
import { metadata } from './metadata.js';
import { type Mutation, mutations } from './mutate.js';
import { randomOf } from './random.js';
import { photoSeeds, seeds, type Seed } from './seeds.js';
import { shapes } from './shapes.js';

export interface HostileCase {
  readonly name: string;
  /** The part of the name before the first slash: what is wrong with the file. */
  readonly kind: string;
  make(): Made;
}

const byHand = { bomb: bombs, dense, shape: shapes, metadata, disguise: disguises } as const;

/** What a round does to each seed picture: so many files of each mutation. */
export type Portions = Readonly<Record<string, number>>;

/** All sixteen truncations, and some of everything else. */
export const fullPortions: Portions = {
  truncate: 16,
  flip: 8,
  'flip-head': 8,
  stomp: 8,
  insert: 4,
  remove: 4,
  overwrite: 4,
  shuffle: 6,
  swell: 1,
  stretch: 4,
  zero: 4,
  swap: 2,
  ...Object.fromEntries(Object.keys(formatDamages).map((kind) => [kind, 8])),
};

/** For whole photos: they are a hundred times as large. */
export const photoPortions: Portions = {
  truncate: 1,
  flip: 1,
  'flip-head': 2,
  stomp: 2,
  overwrite: 1,
  shuffle: 1,
  stretch: 1,
};

export function fixedCases(): HostileCase[] {
  return Object.entries(byHand).flatMap(([kind, makers]) =>
    Object.entries(makers).map(([name, make]) => ({ name: `${kind}/${name}`, kind, make })),
  );
}

/** One round of damage, each seed picture in turn. */
export async function mutationCases(round: string): Promise<HostileCase[]> {
  return [...damaged(await seeds(), fullPortions, round), ...damaged(photoSeeds(), photoPortions, round)];
}

function damaged(pictures: readonly Seed[], portions: Portions, round: string): HostileCase[] {
  return pictures.flatMap((seed) =>
    Object.entries(portions)
      .filter(([kind]) => formatDamages[kind]?.of.test(seed.name) ?? true)
      .flatMap(([kind, count]) => Array.from({ length: count }, (_, index) => damage(seed, kind, round, index))),
  );
}

function mutationOf(kind: string): Mutation | undefined {
  return formatDamages[kind]?.mutate ?? mutations[kind];
}

function damage(seed: Seed, kind: string, round: string, index: number): HostileCase {
  const name = `${kind}/${seed.name}/${round}/${index}`;
  return {
    name,
    kind,
    make: () => {
      const mutate = mutationOf(kind);
      if (mutate === undefined) throw new Error(`there is no mutation ${kind}`);
      return mutate(seed.bytes, randomOf(name), index);
    },
  };
}

/** The case of a name that a run has printed. */
export async function caseNamed(name: string): Promise<HostileCase> {
  const fixed = fixedCases().find((each) => each.name === name);
  if (fixed !== undefined) return fixed;
  const [kind = '', picture = '', round = '', index = ''] = name.split('/');
  const seed = [...(await seeds()), ...photoSeeds()].find((each) => each.name === picture);
  if (seed === undefined || mutationOf(kind) === undefined || !/^\d+$/.test(index)) {
    throw new Error(`there is no case ${name}`);
  }
  return damage(seed, kind, round, Number(index));
}
