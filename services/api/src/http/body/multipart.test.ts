import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { multipartSource } from './multipart.js';

describe('the body of a form', () => {
  const open = (): { request: PassThrough; source: Readable } => {
    const request = Object.assign(new PassThrough(), { headers: {}, complete: true });
    const over = (): Error => new Error('over the limit');
    return { request, source: multipartSource(request as unknown as IncomingMessage, 100_000, over) };
  };

  async function sizeOf(source: Readable): Promise<number> {
    let size = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) size += chunk.length;
    return size;
  }

  it('waits for its reader where it has come in full, though the request is over', async () => {
    const { request, source } = open();
    request.end(Buffer.alloc(10_000));
    await once(request, 'close');
    expect(await sizeOf(source)).toBe(10_000);
  });

  it('is refused where the connection ends before it does', async () => {
    const { request, source } = open();
    request.write(Buffer.alloc(10_000));
    request.destroy();
    await expect(sizeOf(source)).rejects.toMatchObject({ code: 'upload_incomplete' });
  });

  it('is refused past its limit', async () => {
    const { request, source } = open();
    request.end(Buffer.alloc(100_001));
    await expect(sizeOf(source)).rejects.toThrow('over the limit');
  });
});
