import { batchResultSchema, problem, type BatchResult } from '@quintet/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../../test/support/csv.js';
import { csvCell, resultsFormats, writeResults } from './results-format.js';

const created_at = '2026-01-01T00:00:00.000Z';
const job = (id: string) => ({ id, model: { name: 'm' }, created_at, metadata: {}, links: { self: `/v1/jobs/${id}` } });
const results: BatchResult[] = [
  {
    index: 0,
    name: 'a, "b".jpg',
    job_id: 'j0',
    job: {
      ...job('j0'),
      status: 'succeeded',
      predictions: [{ label: 'tiger shark', wnid: 'n01491361', index: 3, score: 0.25 }],
      correction: { label: 'a toy, wet', at: created_at },
    },
  },
  {
    index: 1,
    name: '=HYPERLINK("http://evil")',
    job_id: 'j1',
    job: { ...job('j1'), status: 'failed', error: problem('image_truncated', 'It ends.') },
  },
  { index: 2, name: 'c.jpg', job_id: 'j2', job: { ...job('j2'), status: 'queued' } },
  { index: 3, name: 'gone.jpg', job_id: 'j3' },
];

async function written(type: string, topK = 2): Promise<string> {
  const format = resultsFormats(topK).find((each) => each.type === type);
  if (format === undefined) throw new Error(type);
  const chunks = async function* () {
    yield await Promise.resolve(results.slice(0, 2));
    yield results.slice(2);
  };
  let text = '';
  for await (const piece of writeResults(format, chunks())) text += piece;
  return text;
}

describe('the results of a batch', () => {
  it('are one JSON document', async () => {
    expect(batchResultSchema.array().parse(JSON.parse(await written('application/json')))).toEqual(results);
  });

  it('are a JSON document a line', async () => {
    const lines = (await written('application/x-ndjson')).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(results);
  });

  it('are a table with a column for every label', async () => {
    const first = ['index', 'name', 'job_id', 'status', 'error_code', 'error_detail'];
    expect(parseCsv(await written('text/csv'))).toEqual([
      [...first, 'label_1', 'score_1', 'label_2', 'score_2', 'correction'],
      ['0', 'a, "b".jpg', 'j0', 'succeeded', '', '', 'tiger shark', '0.25', '', '', 'a toy, wet'],
      ['1', `'=HYPERLINK("http://evil")`, 'j1', 'failed', 'image_truncated', 'It ends.', '', '', '', '', ''],
      ['2', 'c.jpg', 'j2', 'queued', '', '', '', '', '', '', ''],
      ['3', 'gone.jpg', 'j3', '', '', '', '', '', '', '', ''],
    ]);
  });

  it('have no cell that a spreadsheet would run, and lose none of its text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', '=', '+', '-', '@', '\t', '\r'), (rest, start) => {
        const text = start + rest;
        const [row] = parseCsv(`${csvCell(text)}\r\n`);
        expect(row).toHaveLength(1);
        expect(row?.[0]).not.toMatch(/^[=+\-@\t\r]/);
        expect([text, `'${text}`]).toContain(row?.[0]);
      }),
    );
  });
});
