/** What the tests of batches share. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { batchResultSchema, batchSchema, keyPrefix, type Batch, type BatchResult, type Redis } from '@quintet/shared';
import { z } from 'zod';

export interface Picture {
  readonly name: string;
  readonly content: Buffer;
}

export function formOf(pictures: readonly Picture[], fields: Readonly<Record<string, string>> = {}): FormData {
  const form = new FormData();
  for (const { name, content } of pictures) form.append('images', new Blob([new Uint8Array(content)]), name);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

export function documentOf(pictures: readonly Picture[], options: Readonly<Record<string, unknown>> = {}): string {
  const items = pictures.map(({ name, content }) => ({ id: name, image_base64: content.toString('base64') }));
  return JSON.stringify({ items, ...options });
}

export async function batchOf(response: Response): Promise<Batch> {
  const body: unknown = await response.json();
  const parsed = batchSchema.safeParse(body);
  if (!parsed.success) throw new Error(`not a batch: ${response.status} ${JSON.stringify(body)}`);
  return parsed.data;
}

export async function resultsOf(url: string, batch: Pick<Batch, 'links'>): Promise<BatchResult[]> {
  const response = await fetch(url + batch.links.results);
  return batchResultSchema.array().parse(await response.json());
}

/** Keys of jobs, pictures and batches: what a submission that was refused must not leave. */
export async function keysOf(redis: Redis): Promise<string[]> {
  const kinds = ['job', 'image', 'batch'].map((kind) => redis.keys(`${keyPrefix}:${kind}:*`));
  return (await Promise.all(kinds)).flat();
}

const hookSchema = z.object({ type: z.string(), data: z.looseObject({ id: z.string(), status: z.string() }) });
export type Hook = z.infer<typeof hookSchema> & { readonly messageId: string; readonly bytes: number };

/** Takes every webhook, and keeps it. */
export async function startHookReceiver() {
  const hooks: Hook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const messageId = String(request.headers['webhook-id']);
      hooks.push({ ...hookSchema.parse(JSON.parse(raw.toString())), messageId, bytes: raw.length });
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    hooks,
    stop: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
}
