import { describe, expect, it } from 'vitest';
import { barProgress, defaultProgress, formatBytes, logProgress, type Progress } from './progress.js';
import { memoryLog } from './mirror.test-support.js';

const at = (doneBytes: number): Progress => ({
  name: 'resnet50',
  phase: 'download',
  doneBytes,
  totalBytes: 100_000_000,
  bytesPerSecond: 1_000_000,
});

describe('progress', () => {
  it('logs at most every 5 s and every 10 %, and nothing for a quick download', () => {
    const { log, lines } = memoryLog();
    let clock = 0;
    const sink = logProgress(log, () => clock);
    for (clock = 0; clock <= 100_000; clock += 100) sink(at(clock * 1000));
    expect(lines).toHaveLength(10);
    expect(lines[0]).toBe('info: downloading resnet50: 10 % of 100.0 MB, 1.0 MB/s, 90 s left');
    expect(lines.at(-1)).toContain('100 %');
    const quick = memoryLog();
    const quickSink = logProgress(quick.log, () => 0);
    [0, 50_000_000, 100_000_000].forEach((bytes) => {
      quickSink(at(bytes));
    });
    expect(quick.lines).toEqual([]);
  });

  it('redraws one line on a terminal, within its width, and ends it', () => {
    const written: string[] = [];
    let clock = 0;
    const sink = barProgress({ columns: 60, write: (text) => written.push(text) }, () => clock);
    for (clock = 0; clock <= 1000; clock += 10) sink(at(clock * 100_000));
    expect(written.length).toBeLessThanOrEqual(12);
    expect(written[5]).toContain('[############------------] downloading resnet50: 50 %');
    // eslint-disable-next-line no-control-regex -- the terminal's own "clear to the end of the line" is what is removed
    for (const line of written) expect(line.replace(/[\r\n]|\u001b\[K/g, '').length).toBeLessThan(60);
    expect(written.at(-1)).toMatch(/100 %.*\n$/);
  });

  it('draws only where there is a terminal', () => {
    const written: string[] = [];
    const { log } = memoryLog();
    const stream = { write: (text: string) => written.push(text) };
    defaultProgress(log, stream)(at(1));
    expect(written).toEqual([]);
    defaultProgress(log, { ...stream, isTTY: true })(at(1));
    expect(written).toHaveLength(1);
  });

  it('speaks of bytes as disks do', () => {
    expect([0, 999, 1000, 3_655_640, 102_576_419, 5e12].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '3.7 MB',
      '102.6 MB',
      '5.0 TB',
    ]);
  });
});
