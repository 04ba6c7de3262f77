/** A class has one meaning: two views once had `.facts` and `.bars` of their own, and each was set by the other's style. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../..', import.meta.url));

it('sets a class for one view only', () => {
  const sheets = new Map<string, Set<string>>();
  const files = ['src', 'shell'].flatMap((part) =>
    readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.css'))
      .map((file) => join(part, file)),
  );
  for (const file of files) {
    const rules = readFileSync(join(folder, file), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
    for (const [, name = ''] of rules.matchAll(/^ *\.([a-z][\w-]*)[^{}]*\{/gm)) {
      const view = file.replace('-tables', '');
      sheets.set(name, (sheets.get(name) ?? new Set()).add(view));
    }
  }
  expect(sheets.size).toBeGreaterThan(50);
  expect([...sheets].filter(([, views]) => views.size > 1)).toEqual([]);
});
