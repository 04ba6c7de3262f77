import { describe, expect, it } from 'vitest';
import { availableCores, cpuQuota } from './cores.js';
import { ConfigError, readConfig, type Environment } from './variable.js';
import { apiVariables, webhooksVariables, workerVariables } from './variables.js';

function problemsOf(environment: Environment): readonly string[] {
  try {
    readConfig({ ...apiVariables, ...workerVariables, ...webhooksVariables }, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('readConfig', () => {
  it('has working defaults for everything', () => {
    expect(problemsOf({})).toEqual([]);
    expect(readConfig(apiVariables, {})).toMatchObject({
      PORT: 3000,
      DEFAULT_MODEL: undefined,
      MAX_UPLOAD_BYTES: 33_554_432,
    });
    expect(readConfig(workerVariables, {})).toMatchObject({ MODEL: undefined, INFERENCE_STREAMS: undefined });
    expect(readConfig(webhooksVariables, {}).WEBHOOK_SCHEDULE_SECONDS.slice(0, 3)).toEqual([0, 5, 300]);
  });

  it('takes an empty value as not set, and trims', () => {
    expect(readConfig(apiVariables, { PORT: '', MAX_QUEUE_DEPTH: ' 5 ' })).toMatchObject({
      PORT: 3000,
      MAX_QUEUE_DEPTH: 5,
    });
  });

  it('names the variable, the value and what is allowed, for every bad one at once', () => {
    const problems = problemsOf({ PORT: 'abc', LOG_LEVEL: 'loud', MODEL: '../x', ALLOW_PRIVATE_HOSTS: 'yes' });
    expect([...problems].sort()).toEqual([
      'ALLOW_PRIVATE_HOSTS="yes" is not allowed; expected true or false',
      'LOG_LEVEL="loud" is not allowed; expected one of trace, debug, info, warn, error, fatal, silent',
      'MODEL="../x" is not allowed; expected a model name: lower case letters, digits, dot, dash, underscore',
      'PORT="abc" is not allowed; expected a whole number from 0 to 65535',
    ]);
  });

  it('refuses numbers that are not quite', () => {
    for (const PORT of ['1.5', '-1', '65536', '1e3', '0x10', 'NaN']) expect(problemsOf({ PORT })).toHaveLength(1);
  });

  it('never shows a secret', () => {
    const [problem] = problemsOf({ WEBHOOK_SECRET: 'hunter2' });
    expect(problem).toContain('WEBHOOK_SECRET=(hidden)');
    expect(problem).not.toContain('hunter2');
    expect(problemsOf({ REDIS_URL: 'http://user:hunter2@host' }).join()).not.toContain('hunter2');
  });

  it('takes a webhook secret of 24 to 64 bytes only', () => {
    const secret = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
    expect([23, 24, 64, 65].map((bytes) => problemsOf({ WEBHOOK_SECRET: secret(bytes) }).length)).toEqual([1, 0, 0, 1]);
  });

  it('takes up to four webhook secrets, in their order, each of them good', () => {
    const secret = (n: number): string => `whsec_${Buffer.alloc(32, n).toString('base64')}`;
    const parsed = (...list: string[]) => readConfig(webhooksVariables, { WEBHOOK_SECRET: list.join(' ') });
    expect(parsed(secret(1)).WEBHOOK_SECRET).toEqual([secret(1)]);
    expect(parsed(` ${secret(2)}`, '', secret(1)).WEBHOOK_SECRET).toEqual([secret(2), secret(1)]);
    expect(parsed(...[4, 3, 2, 1].map(secret)).WEBHOOK_SECRET).toHaveLength(4);
    for (const bad of [[5, 4, 3, 2, 1].map(secret).join(' '), `${secret(1)},${secret(2)}`, `${secret(1)} hunter2`]) {
      const [problem] = problemsOf({ WEBHOOK_SECRET: bad });
      expect(problem).toContain('WEBHOOK_SECRET=(hidden)');
      expect(problem).not.toContain('hunter2');
    }
  });
});

describe('availableCores', () => {
  const files =
    (entries: Record<string, string>) =>
    (path: string): string | undefined =>
      entries[path];
  it('reads the quota of both cgroup versions', () => {
    expect(cpuQuota(files({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' }))).toBe(1.5);
    expect(cpuQuota(files({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' }))).toBeUndefined();
    expect(
      cpuQuota(
        files({
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBe(2);
    expect(cpuQuota(files({ '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1' }))).toBeUndefined();
    expect(cpuQuota(files({}))).toBeUndefined();
  });
  it('is at least one and at most the machine', () => {
    const quota = (value: string) => files({ '/sys/fs/cgroup/cpu.max': `${value} 100000` });
    expect(availableCores(quota('50000'), 8)).toBe(1);
    expect(availableCores(quota('250000'), 8)).toBe(2);
    expect(availableCores(quota('9900000'), 8)).toBe(8);
    expect(availableCores(quota('max'), 8)).toBe(8);
  });
});
