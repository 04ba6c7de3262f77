import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { heicSample } from '../../../../test/fixtures/images/index.js';

describe('the decode thread', () => {
  it('neither keeps a process alive once idle nor writes to its output', async () => {
    const compiled = new URL('../../dist/preprocess/thread-decoder.js', import.meta.url).href;
    const script = `
      import { ThreadDecoder } from ${JSON.stringify(compiled)};
      const decoder = new ThreadDecoder({ maxPixels: 1e6, timeoutMs: 15000 });
      const good = Buffer.from(${JSON.stringify(heicSample().toString('base64'))}, 'base64');
      await decoder.decode(good.subarray(0, -100)).catch(() => {});
      console.log((await decoder.decode(good)).width);
    `;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 15_000 });
    expect(await run).toEqual({ stdout: '64\n', stderr: '' });
  });
});
