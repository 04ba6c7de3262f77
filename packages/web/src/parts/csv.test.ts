import { describe, expect, it } from 'vitest';
import type { Job } from '@quintet/client';
import { resultsAsCsv } from './csv.js';

const job: Job = {
  id: 'job-1',
  status: 'succeeded',
  model: { name: 'mobilenetv2' },
  created_at: '2026-01-01T00:00:00.000Z',
  predictions: [{ label: 'tiger shark', wnid: 'n01491361', index: 3, score: 0.25 }],
  timing_ms: { queue: 1, fetch: 1, preprocess: 1, batch_wait: 0, inference: 9, total: 12.5 },
  metadata: {},
  links: { self: '/v1/jobs/job-1' },
};

describe('results as CSV', () => {
  it('have the columns of the service, as many labels as the longest answer, then the time and the model', () => {
    const predictions = Array.from({ length: 7 }, (_, index) => ({ label: `l${index}`, wnid: '', index, score: 0.1 }));
    const head = (text: string): string => text.slice(1, text.indexOf('\r\n'));
    const first = 'index,name,job_id,status,error_code,error_detail,label_1,score_1';
    expect(head(resultsAsCsv([]))).toMatch(new RegExp(`^${first},.*,score_5,correction,total_ms,model$`));
    const results = [
      { index: 0, name: '=a.jpg', job },
      { index: 1, name: 'b.jpg', job: { ...job, predictions } },
    ];
    const [columns, short, long] = resultsAsCsv(results).slice(1).split('\r\n');
    expect(columns).toMatch(/,score_7,correction,total_ms,model$/);
    expect(short).toBe(`0,'=a.jpg,job-1,succeeded,,,tiger shark,0.25${','.repeat(13)},12.5,mobilenetv2`);
    expect(long).toMatch(/,l6,0.1,,12.5,mobilenetv2$/);
  });

  it('open in Excel with the names that the files have: the mark of UTF-8 is in front', () => {
    const bytes = new TextEncoder().encode(resultsAsCsv([{ index: 0, name: 'Kölner Dom 🏛.jpg' }]));
    expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(new TextDecoder().decode(bytes)).toContain('\r\n0,Kölner Dom 🏛.jpg,,');
  });
});
