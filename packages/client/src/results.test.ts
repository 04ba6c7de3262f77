import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../test/support/csv.js';
import { csvCells, csvColumns, csvLine, formatScore } from './results.js';
import type { Job } from './types.js';

const job: Job = {
  id: 'job-1',
  status: 'succeeded',
  model: { name: 'mobilenetv2' },
  created_at: '2026-01-01T00:00:00.000Z',
  predictions: [{ label: 'tiger shark', wnid: 'n01491361', index: 3, score: 0.25 }],
  metadata: {},
  links: { self: '/v1/jobs/job-1' },
};

describe('results as CSV', () => {
  it('tell what became of each picture', () => {
    expect(csvColumns(2).join()).toBe(
      'index,name,job_id,status,error_code,error_detail,label_1,score_1,label_2,score_2,correction',
    );
    const error = {
      type: 't',
      title: 'T',
      status: 422,
      code: 'image_truncated',
      detail: 'It ends.',
      retryable: false,
    } as const;
    const { predictions: _, ...unfinished } = job;
    const corrected = { ...job, correction: { label: 'toy', at: job.created_at } };
    const rows = [
      csvCells({ index: 0, name: 'a.jpg', job: corrected }, 2),
      csvCells({ index: 1, name: 'b.jpg', job: { ...unfinished, status: 'failed', error } }, 2),
      csvCells({ index: 2, name: 'c.jpg', error: { code: 'body_too_large', detail: 'Too large.' } }, 2),
      csvCells({ index: 3, name: 'd.jpg' }, 2),
    ];
    expect(rows.map((row) => row.join())).toEqual([
      '0,a.jpg,job-1,succeeded,,,tiger shark,0.25,,,toy',
      '1,b.jpg,job-1,failed,image_truncated,It ends.,,,,,',
      '2,c.jpg,,failed,body_too_large,Too large.,,,,,',
      '3,d.jpg,,,,,,,,,',
    ]);
  });

  it('are read back as they were, whatever the names, and no cell is one that a spreadsheet runs', () => {
    const text = fc
      .tuple(fc.constantFrom('', '=', '+', '-', '@', '\t', '\r', '\n', '"', ','), fc.string({ unit: 'binary' }))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(fc.array(text, { minLength: 2, maxLength: 2 })), (rows) => {
        const read = parseCsv(rows.map(csvLine).join(''));
        expect(read).toHaveLength(rows.length);
        for (const [index, meant] of rows.flat().entries()) {
          const cell = read.flat()[index];
          expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
          expect([meant, `'${meant}`]).toContain(cell);
        }
      }),
    );
  });

  it('quote a cell only where it must be', () => {
    expect(csvLine(['a b', 'a,b', 'a"b', '=1', '\n'])).toBe('a b,"a,b","a""b",\'=1,"\'\n"\r\n');
  });
});

describe('formatScore', () => {
  it('says 100 % of 1 only, and 0 % of 0 only', () => {
    const scores = [0, 0.0004, 0.0006, 0.0349, 0.9312, 0.9994, 0.9997, 0.99999, 1];
    expect(scores.map((score) => formatScore(score))).toEqual([
      ...['0 %', '< 0.1 %', '0.1 %', '3.5 %', '93.1 %', '99.9 %', '99.9 %', '99.9 %', '100 %'],
    ]);
    expect([0, 0.004, 0.006, 0.6949, 0.997, 1].map((score) => formatScore(score, 0))).toEqual([
      ...['0 %', '< 1 %', '1 %', '69 %', '99 %', '100 %'],
    ]);
  });

  it('does so of every score', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1), (score, decimals) => {
        const text = formatScore(score, decimals);
        expect(text === '100 %').toBe(score === 1);
        expect(Number(text.replace(/[<%]/g, '')) === 0).toBe(score === 0);
      }),
    );
  });
});
