import { fileURLToPath } from 'node:url';
import type { CatalogueEntry } from './catalogue.js';
import { ModelError } from './errors.js';

/**
 * Where to look for an entry's file, in order: the mirror (`<MODEL_BASE_URL>/<file>`), then the public sources. A file that lies
 * beside the code is looked for nowhere else.
 * Throws ModelError `model_base_url_invalid`.
 */
export function sourcesOf(entry: CatalogueEntry, baseUrl?: string): URL[] {
  const sources = entry.sources.map((source) => new URL(source));
  if (sources.some(({ protocol }) => protocol === 'file:')) return sources;
  const mirror = baseUrl === undefined || baseUrl.trim() === '' ? [] : [mirrorUrl(baseUrl.trim(), entry.file)];
  return [...mirror, ...sources];
}

function mirrorUrl(baseUrl: string, file: string): URL {
  const allowed = 'https://host/folder, http://host/folder or file:///absolute/folder';
  let base: URL;
  try {
    base = new URL(baseUrl);
    if (!['https:', 'http:', 'file:'].includes(base.protocol)) throw new TypeError(`${base.protocol} is not allowed`);
    // A relative file URL (file://models) names a host: fileURLToPath refuses it.
    if (base.protocol === 'file:') fileURLToPath(base);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const shown = baseUrl.replace(/\/\/[^/@]*@/, '//…@');
    const message = `MODEL_BASE_URL is ${JSON.stringify(shown)} (${problem}). It must look like ${allowed}.`;
    throw new ModelError('model_base_url_invalid', message, { cause: error });
  }
  const folder = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  base.pathname = `${folder}${encodeURIComponent(file)}`;
  return base;
}
