import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RestTooLargeError } from '../body/split-json.js';
import { cutNumbers, parseNumbers } from './cut-numbers.js';

const limits = { longFrom: 4096, rest: 64 * 1024 };

/** The document as JSON.parse would have it, with cut lists as float32. */
async function read(text: string, count: number) {
  const source = Buffer.from(text);
  const { json, lists } = await cutNumbers(source, limits);
  const [list] = lists.values();
  return {
    rest: json.length,
    cut: lists.size,
    document: JSON.parse(json.toString()) as unknown,
    numbers: list && (await parseNumbers(source, list, count)),
  };
}

const long = (count: number): number[] => Array.from({ length: count }, (_, index) => Math.fround(Math.sin(index)));

describe('cutNumbers', () => {
  it('reads the numbers of a long list, flat or nested, wherever pieces are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1500, max: 9000 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (count, row, spaced) => {
          const numbers = long(count);
          const rows = Array.from({ length: Math.ceil(count / row) }, (_, index) => [
            numbers.slice(index * row, (index + 1) * row),
          ]);
          const text = JSON.stringify(
            { before: '[1, "2', data: row === 1 ? numbers : rows, after: [1, 2] },
            null,
            spaced ? 1 : 0,
          );
          const found = await read(text, count);
          expect(found.cut).toBe(1);
          expect(found.rest).toBeLessThan(120);
          expect(found.document).toMatchObject({ before: '[1, "2', after: [1, 2] });
          expect([...(found.numbers ?? [])]).toEqual(numbers);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('leaves short lists, and lists of other things, to the parser', async () => {
    const document = { a: [1, 2, 3], b: [['x'.repeat(5000), 1]], c: '[' + '1,'.repeat(3000) + '1]', d: 'a\\"[' };
    const found = await read(JSON.stringify(document), 0);
    expect(found).toMatchObject({ cut: 0, document });
  });

  it.each([
    ['two commas', (list: string) => list.replace(',', ',,')],
    ['a comma at the end', (list: string) => list.replace(/\]$/, ',]')],
    ['rows without a comma', (list: string) => list.replace(',', '][')],
    ['a number that is none', (list: string) => list.replace('0.8', '0.8.1')],
    ['a leading zero', (list: string) => list.replace(',', ',00')],
    ['too few', (list: string) => list.replace(/,[^,]*\]$/, ']')],
    ['too many', (list: string) => list.replace(/\]$/, ',1]')],
    ['nothing', () => `[${' '.repeat(5000)}]`],
    ['much space', (list: string) => list.replace(',', `,${' '.repeat(100_000)}`)],
    ['a long number', (list: string) => list.replace(',', `,${'1'.repeat(100_000)},`)],
  ])('finds %s', async (_name, spoil) => {
    const text = `{"data": ${spoil(JSON.stringify(long(2000)))}}`;
    const source = Buffer.from(text);
    const { lists } = await cutNumbers(source, limits);
    for (const list of lists.values()) expect(await parseNumbers(source, list, 2000)).toBeUndefined();
    expect(lists.size <= 1 || text.includes('][')).toBe(true);
  });

  it('lets other work happen, however long the list is', async () => {
    const text = JSON.stringify({ data: long(1_000_000) });
    let turns = 0;
    let reading = true;
    const count = (): void => {
      turns += 1;
      if (reading) setImmediate(count);
    };
    count();
    await read(text, 1_000_000);
    reading = false;
    expect(turns).toBeGreaterThan(text.length / (64 * 1024));
  });

  it('looks at no more of what is neither a long list nor a long string than may be there', async () => {
    const refused = (text: string) => expect(cutNumbers(Buffer.from(text), limits)).rejects.toThrow(RestTooLargeError);
    await refused(`{"a": "${'\\"'.repeat(40_000)}"}`);
    await refused(`{"a": "${'\\'.repeat(100_000)}"}`);
    await refused(`{"a": [${'"",'.repeat(30_000)}""]}`);
    await refused(`{"a": [${'[1],'.repeat(800)}"",${'[2],"",'.repeat(10_000)}1]}`);
    await refused(`{${'"a":[1],'.repeat(10_000)}"b":1}`);
  });
});
