/** The version in the package.json of the package whose `dist/<file>.js` this is: pass `import.meta.url` of that file. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export function packageVersion(moduleUrl: string): string {
  const text = readFileSync(new URL('../package.json', moduleUrl), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
