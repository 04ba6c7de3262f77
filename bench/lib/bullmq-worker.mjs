/** BullMQ and nothing else: the worker of the bare rate, a process of its own as Quintet's is. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../../scripts/lib/project.mjs';

const { Worker } = createRequire(join(root, 'services/worker/package.json'))('bullmq');
const [url, queue, concurrency] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
let done = 0;
const worker = new Worker(queue, async () => 'done', {
  connection: { host, port: Number(port), maxRetriesPerRequest: null },
  prefix: 'bare',
  concurrency: Number(concurrency),
});
worker.on('completed', () => (done += 1));
worker.on('error', () => undefined);
process.on('message', () => process.send?.({ done }));
process.once('disconnect', () => process.exit());
await worker.waitUntilReady();
process.send?.({ ready: true });
