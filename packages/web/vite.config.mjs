/**
 * The page as files: one script, one style, every address relative, so that a proxy may put the service below a path.
 * Text is compressed here, once and as small as it gets; the API sends what lies beside a file as .br or .gz.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

const compressible = new Set(['.html', '.js', '.css', '.svg', '.json']);

/** @returns {import('vite').Plugin} */
function finish() {
  let folder = '';
  return {
    name: 'finish',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    // Vite leaves the attribute out: until the script has run there is nothing to show, nor the chosen colour scheme.
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !compressible.has(extname(entry.name))) continue;
        const file = join(entry.parentPath, entry.name);
        const bytes = readFileSync(file);
        const hint = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length, [constants.BROTLI_PARAM_QUALITY]: 11 };
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: hint }));
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

const api = process.env['QUINTET_URL'] ?? 'http://localhost:3000';

export default defineConfig({
  base: './',
  plugins: [finish()],
  // Its sources, as the packages are compiled while the page is built.
  resolve: { alias: { '@quintet/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) } },
  build: {
    outDir: 'dist',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // Nothing is preloaded: there is one script.
    modulePreload: false,
    // Every picture of the page is a file of its own or in the script; none has to be allowed as data:.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  // `npm run dev -w packages/web` beside a running service.
  server: { proxy: Object.fromEntries(['/v1', '/health', '/openapi.json', '/docs'].map((path) => [path, api])) },
});
