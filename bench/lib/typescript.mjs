/** What the tests' TypeScript holds, for scripts: it is compiled nowhere, so Vitest's own transformer loads it. */
import { join } from 'node:path';
import { createViteServer } from 'vitest/node';
import { root } from '../../scripts/lib/project.mjs';

/** Imports a TypeScript file of this repository that the build leaves out. @param {string} path */
export async function importTypeScript(path) {
  const server = await createViteServer({
    root,
    configFile: false,
    logLevel: 'error',
    appType: 'custom',
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true, include: [] },
  });
  try {
    return await server.ssrLoadModule(join(root, path));
  } finally {
    await server.close();
  }
}
