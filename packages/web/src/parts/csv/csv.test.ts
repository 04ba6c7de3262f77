import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../api/types.js';
import { csvCell, resultsAsCsv } from './csv.js';

const job: Job = {
  id: 'job-1',
  status: 'succeeded',
  model: { name: 'mobilenetv2' },
  created_at: '2026-01-01T00:00:00.000Z',
  predictions: [{ label: 'tiger shark, "big"', wnid: 'n01491361', index: 3, score: 0.25 }],
  timing_ms: { queue: 1, fetch: 1, preprocess: 1, batch_wait: 0, inference: 9, total: 12.5 },
  metadata: {},
  links: { self: '/v1/jobs/job-1' },
};

/** RFC 4180, by its grammar, after the mark. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.slice(1).matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

/** Each row by the names of its columns. */
function tableOf(text: string): Record<string, string>[] {
  const [head = [], ...rows] = parseCsv(text);
  return rows.map((row) => Object.fromEntries(head.map((column, index) => [column, row[index] ?? 'no such cell'])));
}

describe('results as CSV', () => {
  it('have the columns of the service, then the time and the model', () => {
    const [head] = parseCsv(resultsAsCsv([]));
    expect(head?.slice(0, 8).join()).toBe('index,name,job_id,status,error_code,error_detail,label_1,score_1');
    expect(head?.slice(-4).join()).toBe('score_5,correction,total_ms,model');
  });

  it('tell what became of each picture', () => {
    const error = { type: 't', title: 'T', status: 422, code: 'image_truncated', detail: 'It ends.', retryable: false };
    const { predictions: _, ...unfinished } = job;
    const [done, failed, refused, waiting] = tableOf(
      resultsAsCsv([
        { name: 'a.jpg', job: { ...job, correction: { label: '=a "toy"', at: job.created_at } } },
        { name: 'b.jpg', job: { ...unfinished, status: 'failed', error } },
        { name: 'c.jpg', error: { code: 'body_too_large', detail: 'Too large.' } },
        { name: 'd.jpg' },
      ]),
    );
    expect(done).toMatchObject({ index: '0', name: 'a.jpg', job_id: 'job-1', status: 'succeeded', error_code: '' });
    expect(done).toMatchObject({ label_1: 'tiger shark, "big"', score_1: '0.25', label_2: '', score_5: '' });
    expect(done).toMatchObject({ total_ms: '12.5', model: 'mobilenetv2', correction: `'=a "toy"` });
    expect(failed).toMatchObject({ status: 'failed', error_code: 'image_truncated', error_detail: 'It ends.' });
    expect(refused).toMatchObject({ status: 'failed', error_code: 'body_too_large', job_id: '', model: '' });
    expect(waiting).toMatchObject({ index: '3', name: 'd.jpg', status: '', error_code: '' });
  });

  it('have as many labels as the longest answer', () => {
    const predictions = Array.from({ length: 7 }, (_, index) => ({ label: `l${index}`, wnid: '', index, score: 0.1 }));
    const [row] = tableOf(resultsAsCsv([{ name: 'a.jpg', job: { ...job, predictions } }]));
    expect(row).toMatchObject({ label_7: 'l6', score_7: '0.1' });
  });

  it('open in Excel with the names that the files have: the mark of UTF-8 is in front', () => {
    const bytes = new TextEncoder().encode(resultsAsCsv([{ name: 'Kölner Dom 🏛.jpg' }]));
    expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(tableOf(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))[0]?.['name']).toBe('Kölner Dom 🏛.jpg');
  });

  it('are read back as they were, whatever the names, and no cell is one that a spreadsheet runs', () => {
    const text = fc
      .tuple(fc.constantFrom('', '=', '+', '-', '@', '\t', '\r', '\n', '"', ','), fc.string({ unit: 'binary' }))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (texts) => {
        const results = texts.map(([name, detail]) => ({ name, error: { code: 'c', detail } }));
        const rows = tableOf(resultsAsCsv(results));
        expect(rows).toHaveLength(texts.length);
        rows.forEach((row, index) => {
          for (const [cell, meant] of [
            [row['name'], texts[index]?.[0]],
            [row['error_detail'], texts[index]?.[1]],
          ]) {
            expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
            expect([meant, `'${meant}`]).toContain(cell);
          }
          expect(Object.values(row)).not.toContain('no such cell');
        });
      }),
    );
  });

  it('quote a cell only where it must be', () => {
    expect(['a b', 'a,b', 'a"b', '=1'].map(csvCell)).toEqual(['a b', '"a,b"', '"a""b"', "'=1"]);
  });
});
