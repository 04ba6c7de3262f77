/**
 * Builds the page into dist, unless dist is what these sources make already. `npm start` and `npm test` call it each time,
 * so it has to be quick where nothing has changed: it compares a hash of what goes in with the one noted at the last build.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const stamp = join(folder, 'dist', '.sources');

function sourcesHash() {
  const hash = createHash('sha256');
  hash.update(readFileSync(createRequire(import.meta.url).resolve('vite/package.json')));
  const listed = ['src', 'public', '../../examples/pictures', '../client/src'].flatMap((name) =>
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const single = ['index.html', 'vite.config.mjs', 'build.mjs'].map((name) => join(folder, name));
  for (const file of [...listed.sort(), ...single])
    hash.update(`${relative(folder, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

function noted() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}

const wanted = sourcesHash();
if (noted() !== wanted) {
  // Only where it is needed: to load it takes longer than all of the above.
  const { build } = await import('vite');
  await build({ root: folder, logLevel: 'warn' });
  writeFileSync(stamp, wanted);
}
