import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCatalogueEntry } from '../catalogue.js';
import { sha256File } from '../hash.js';
import { readModel } from '../onnx/read-model.js';
import { fileURLToPath } from 'node:url';
import { floatValues } from './plan.js';
import { steps } from './quantize-model.js';
import { readRanges, writeRanges } from './ranges.js';

const head = { model: 'a'.repeat(64), method: 'minmax', pictures: 3 } as const;

describe('the file of ranges', () => {
  it('has the same float32 numbers again, whatever the order they came in', () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true });
    const entries = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), value, value), { selector: ([name]) => name });
    fc.assert(
      fc.property(entries, (list) => {
        fc.pre(list.every(([name]) => name !== '__proto__'));
        const ranges = new Map(list.map(([name, low, high]) => [name, { low, high }]));
        const text = writeRanges(head, ranges);
        expect(text).toBe(writeRanges(head, new Map([...ranges].reverse())));
        const read = readRanges(text);
        expect(read.file).toMatchObject(head);
        // −0 is written as 0.
        const whole = ({ low, high }: { low: number; high: number }) => ({ low: low + 0, high: high + 0 });
        expect(read.ranges.size).toBe(ranges.size);
        for (const [name, range] of ranges) expect(read.ranges.get(name)).toEqual(whole(range));
      }),
    );
  });

  it.each([
    ['no JSON', '{', /not JSON/],
    ['no hash', JSON.stringify({ ...head, model: 'x', ranges: {} }), /model: must be 64/],
    ['no pairs', JSON.stringify({ ...head, ranges: { a: [1] } }), /ranges\.a/],
    ['another method', JSON.stringify({ ...head, method: 'guess', ranges: {} }), /method/],
  ])('is refused with %s', (_what, text, reason) => {
    expect(() => readRanges(text)).toThrow(TypeError);
    expect(() => readRanges(text)).toThrow(reason);
  });
});

/** Its bytes need the checkpoint to be made again (scripts/bundled-model.mjs); this is what can be told without. */
describe('the bundled model', () => {
  const file = (name: string): string => fileURLToPath(new URL(`../../data/${name}`, import.meta.url));

  it("is the catalogue's file, and was quantised with the ranges beside it", async () => {
    const path = file('efficientnet-lite0.onnx');
    const bytes = await readFile(path);
    const entry = findCatalogueEntry('efficientnet-lite0');
    expect({ sha256: await sha256File(path), bytes: bytes.length }).toEqual({
      sha256: entry?.sha256,
      bytes: entry?.bytes,
    });
    const { ranges } = readRanges(await readFile(file('efficientnet-lite0-ranges.json'), 'utf8'));
    const model = readModel(bytes);
    const constant = (name: string) => model.initializers.find((each) => each.name === name);
    expect(model.nodes.filter(({ opType }) => opType === 'QuantizeLinear')).toHaveLength(61);
    expect(ranges.size).toBe(60);
    for (const [name, range] of ranges) {
      const scale = constant(`${name}.scale`);
      const [zeroPoint] = [...(constant(`${name}.zero_point`)?.chunks() ?? [])];
      expect(scale && floatValues(scale)[0]).toBe(steps(range).scale);
      expect(zeroPoint?.[0]).toBe(steps(range).zeroPoint);
    }
  });
});
