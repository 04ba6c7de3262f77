// Of bench/client.mjs: the library in a process of its own, with the fetch of the platform or the command's.
//   node client-loop.mjs platform|http URL MODEL COUNT FILE…
import { readFile } from 'node:fs/promises';
import { importBuilt } from '../../scripts/lib/project.mjs';

const [kind, url, model, count, ...files] = process.argv.slice(2);
const { Quintet } = await importBuilt('packages/client/dist/index.js');
const { createHttpFetch } = await importBuilt('packages/client/dist/node/index.js');
const http = kind === 'http' ? createHttpFetch() : undefined;
const quintet = new Quintet({ url, ...(http === undefined ? {} : { fetch: http.fetch }) });

const pictures = Array.from({ length: Number(count) }, (_, index) => files[index % files.length] ?? '');
for await (const { error } of quintet.classifyAll(pictures, (file) => readFile(file), { model })) {
  if (error !== undefined) throw error;
}
http?.close();
