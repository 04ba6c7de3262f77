/** docs/errors.md says what the registry says, in both directions. */
import { readFileSync } from 'node:fs';
import { errorRegistry } from '@quintet/shared';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

const rows = [
  ...page.matchAll(/^\| `(\w+)` +\| (\d+) +\| (yes|no) +\| (\S.*?) +\| (\S.*?) +\| (HTTP|job|HTTP, job) +\|$/gm),
];

describe('docs/errors.md', () => {
  it('has every code once, with its status, and nothing else', () => {
    const documented = rows.map(([, code, status, retryable]) => [code, Number(status), retryable === 'yes']);
    const registered = Object.entries(errorRegistry).map(([code, entry]) => [code, entry.status, entry.retryable]);
    expect(documented.sort()).toEqual(registered.sort());
  });

  it('has no row that this test does not read', () => {
    expect(page.match(/^\| `/gm)?.length).toBe(rows.length);
  });

  it('names no code elsewhere that does not exist', () => {
    for (const [, code] of page.matchAll(/urn:quintet:error:(\w+)/g)) expect(errorRegistry).toHaveProperty(code ?? '');
  });
});
