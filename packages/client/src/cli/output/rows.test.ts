import { describe, expect, it } from 'vitest';
import { QuintetError, type Job } from '../../index.js';
import type { Format } from '../flags.js';
import { createRowWriter, type Row } from './rows.js';
import type { Terminal } from './terminal.js';

const job: Job = {
  id: 'j1',
  status: 'succeeded',
  model: { name: 'm' },
  created_at: '2026-01-01T00:00:00Z',
  predictions: [
    { label: 'monarch', wnid: 'n02279972', index: 323, score: 0.9951 },
    { label: 'ringlet', wnid: 'n02277742', index: 322, score: 0.0009 },
  ],
  correction: { label: 'viceroy', at: '2026-01-01T00:00:00Z' },
  metadata: {},
  links: { self: '/v1/jobs/j1' },
};
const rows: Row[] = [
  { index: 0, name: 'a.jpg', job },
  { index: 1, name: '=cmd, "b"\x1b[31m.jpg', error: new QuintetError('image_unreadable', 'It is a folder.') },
];

async function written(format: Format, given: readonly Row[], columns?: number, top = 2): Promise<string> {
  let text = '';
  const plain = (each: string): string => each;
  const terminal = {
    print: (piece: string) => Promise.resolve(void (text += piece)),
    columns,
    colours: { bold: plain, dim: plain, red: plain, green: plain, yellow: plain },
  } as unknown as Terminal;
  const names = given.map(({ name }) => name);
  const writer = createRowWriter({ terminal, format, top, names });
  for (const row of given) await writer.write(row);
  await writer.end();
  return text;
}

describe('results', () => {
  it('are a table, a line for each label', async () => {
    const name = '=cmd, "b"\\x1b[31m.jpg';
    expect((await written('table', rows)).split('\n').map((line) => line.trimEnd())).toEqual([
      `${'FILE'.padEnd(name.length)}  ${'LABEL'.padEnd(30)}    SCORE`,
      `${'a.jpg'.padEnd(name.length)}  ${'monarch'.padEnd(30)}   99.5 %`,
      `${''.padEnd(name.length)}  ${'ringlet'.padEnd(30)}    0.1 %`,
      `${name}  image_unreadable`,
      '',
    ]);
  });

  it('fit the terminal', async () => {
    const long = `${'folder/'.repeat(20)}beach.jpg`;
    const lines = (await written('table', [{ index: 0, name: long, job }], 70)).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(70);
    expect(lines[1]).toMatch(/…\S*beach\.jpg/);
  });

  it('are TSV with the columns of the table, whatever is in a name', async () => {
    const odd = { index: 2, name: 'a\tb\\n\n.jpg', job: { ...job, predictions: [] } };
    expect((await written('tsv', [...rows, odd])).split('\n')).toEqual([
      'file\tlabel\tscore\terror',
      'a.jpg\tmonarch\t0.9951\t',
      'a.jpg\tringlet\t0.0009\t',
      '=cmd, "b"\x1b[31m.jpg\t\t\timage_unreadable',
      'a\\tb\\\\n\\n.jpg\t\t\t',
      '',
    ]);
    expect(await written('tsv', rows, 80)).toContain('\\x1b[31m');
    expect(await written('tsv', [])).toBe('file\tlabel\tscore\terror\n');
  });

  it('are CSV that a spreadsheet does not run', async () => {
    expect(await written('csv', rows)).toBe(
      [
        'index,name,job_id,status,error_code,error_detail,label_1,score_1,label_2,score_2,correction',
        '0,a.jpg,j1,succeeded,,,monarch,0.9951,ringlet,0.0009,viceroy',
        `1,"'=cmd, ""b""\x1b[31m.jpg",,failed,image_unreadable,It is a folder.,,,,,`,
        '',
      ].join('\r\n'),
    );
    expect(await written('csv', rows, 80)).toContain('\\x1b[31m');
  });

  it('are one JSON document, or one a line; none are an empty one', async () => {
    const array = JSON.parse(await written('json', rows)) as unknown[];
    expect(array).toMatchObject([
      {
        index: 0,
        name: 'a.jpg',
        job_id: 'j1',
        status: 'succeeded',
        predictions: job.predictions,
        correction: job.correction,
      },
      { index: 1, name: rows[1]?.name, status: 'failed', error: { code: 'image_unreadable' } },
    ]);
    const lines = (await written('ndjson', rows)).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(array);
    expect(await written('json', [])).toBe('[]\n');
    expect(await written('csv', [], undefined, 1)).toBe(
      'index,name,job_id,status,error_code,error_detail,label_1,score_1,correction\r\n',
    );
  });
});
