/** Where things are. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** DATA_DIR as an absolute path; a relative one counts from the repository, wherever the command was typed. */
export function dataDirOf(env = process.env) {
  return resolve(root, env['DATA_DIR']?.trim() || '.quintet');
}

/**
 * Imports a compiled file of this repository, such as `packages/shared/dist/index.js`; only after the build.
 * @param {string} path
 */
export function importBuilt(path) {
  return import(pathToFileURL(join(root, path)).href);
}
