/** The file of measured ranges, from which the same int8 model can be made again without any picture. */
import { reasonOf } from '../errors.js';
import { z } from 'zod';
import type { Range } from './quantize-model.js';

const finite = z.number();

export const RangesFile = z.strictObject({
  /** SHA-256 in hex of the float32 model's file that they belong to. */
  model: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
  method: z.enum(['minmax', 'percentile', 'entropy']),
  /** How many pictures they were measured over. */
  pictures: z.int().min(1),
  /** By the name of the tensor in the float32 graph: its lowest and its highest value. */
  ranges: z.record(z.string(), z.tuple([finite, finite])),
});
export type RangesFile = z.infer<typeof RangesFile>;

/** As text: tensors sorted by name, one a line, every number a float32. */
export function writeRanges(file: Omit<RangesFile, 'ranges'>, ranges: ReadonlyMap<string, Range>): string {
  const lines = [...ranges]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { low, high }]) => `    ${JSON.stringify(name)}: [${float32Text(low)}, ${float32Text(high)}]`);
  const { model, method, pictures } = file;
  const head = Object.entries({ model, method, pictures }).map(
    ([key, value]) => `  "${key}": ${JSON.stringify(value)},`,
  );
  return `{\n${head.join('\n')}\n  "ranges": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** Nine digits tell all float32 apart. */
const float32Text = (value: number): string => String(Number(Math.fround(value).toPrecision(9)));

/** Throws TypeError that names each wrong field. */
export function readRanges(text: string): { readonly file: RangesFile; readonly ranges: ReadonlyMap<string, Range> } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`not JSON: ${reasonOf(error)}`, { cause: error });
  }
  const parsed = RangesFile.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the document'}: ${message}`);
    throw new TypeError(problems.join('; '));
  }
  const ranges = Object.entries(parsed.data.ranges).map(([name, [low, high]]) => {
    return [name, { low: Math.fround(low), high: Math.fround(high) }] as const;
  });
  return { file: parsed.data, ranges: new Map(ranges) };
}
