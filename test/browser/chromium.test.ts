import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findChromium } from '../../scripts/lib/chromium.mjs';

describe('the search for Chromium', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quintet-chromium-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  const program = (name: string, script: string): string => {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };

  it('takes the one that CHROMIUM_BIN names, before any on the PATH', async () => {
    program('chromium', 'echo Chromium 100.0.1');
    vi.stubEnv('PATH', folder);
    vi.stubEnv('CHROMIUM_BIN', program('mine', 'echo Mine 156.0.8078.108 built on Debian'));
    expect(await findChromium()).toEqual({ binary: join(folder, 'mine'), version: '156.0.8078.108' });
  });

  it('takes one from the PATH', async () => {
    program('google-chrome', 'echo Google Chrome 99.1');
    const chromium = program('chromium', 'echo Chromium 100.0.1');
    vi.stubEnv('PATH', folder);
    vi.stubEnv('CHROMIUM_BIN', '');
    expect(await findChromium()).toEqual({ binary: chromium, version: '100.0.1' });
  });

  it.each([
    ['is not there', () => join(folder, 'absent'), /absent does not start \(spawn .* ENOENT\)/],
    ['does not start', () => program('broken', 'echo libgtk-3.so.0 is missing; exit 127'), /libgtk-3.so.0 is missing/],
  ])('says why where the one that was named %s', async (_, make, reason) => {
    vi.stubEnv('CHROMIUM_BIN', make());
    expect(await findChromium({ install: true })).toEqual({ missing: expect.stringMatching(reason) as string });
  });
});
