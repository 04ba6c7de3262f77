import { describe, expect, it } from 'vitest';
import { QuintetError, type Batch, type BatchFile, type ErrorCode, type Quintet } from '../index.js';
import { submitInParts } from './batch-parts.js';

const files = (count: number, size: (index: number) => number): BatchFile[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `${index}.jpg`,
    content: { size: size(index), stream: () => nothing() },
  }));

async function* nothing(): AsyncGenerator<Uint8Array> {
  // Nobody reads it.
}

/** A service that takes so many files and so many bytes of content; `tried` has the sizes of what it was sent. */
function service(items: number, bytes: number): { client: Quintet; tried: number[] } {
  const tried: number[] = [];
  const submitBatch = (part: readonly BatchFile[]): Promise<Batch> => {
    tried.push(part.length);
    const refuse = (code: ErrorCode): Promise<never> => Promise.reject(new QuintetError(code, 'No.', { status: 413 }));
    if (part.length > items) return refuse('batch_too_many_items');
    const size = part.reduce((sum, { content }) => sum + ('size' in content ? content.size : content.length), 0);
    return size > bytes ? refuse('batch_too_large') : Promise.resolve({ id: `b${tried.length}` } as Batch);
  };
  return { client: { submitBatch } as unknown as Quintet, tried };
}

async function partsOf(client: Quintet, all: readonly BatchFile[]): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of submitInParts(client, all, {}, () => undefined)) {
    parts.push('batch' in part ? `${part.first}: ${part.batch.id}` : `${part.first}: ${part.error.code}`);
  }
  return parts;
}

describe('more than one batch takes', () => {
  it('is sent in parts of the defaults', async () => {
    const { client, tried } = service(1000, Infinity);
    expect(
      await partsOf(
        client,
        files(2100, () => 10),
      ),
    ).toEqual(['0: b1', '1000: b2', '2000: b3']);
    expect(tried).toEqual([1000, 1000, 100]);
  });

  it('is sent in smaller parts where the service takes less, which is learned once', async () => {
    const { client, tried } = service(300, Infinity);
    expect(
      await partsOf(
        client,
        files(1200, () => 10),
      ),
    ).toEqual(['0: b3', '250: b4', '500: b5', '750: b6', '1000: b7']);
    expect(tried).toEqual([1000, 500, 250, 250, 250, 250, 200]);
  });

  it('leaves out a file that is too large for any', async () => {
    const { client } = service(1000, 1_000_000);
    const parts = await partsOf(
      client,
      files(3, (index) => (index === 1 ? 5_000_000 : 1000)),
    );
    expect(parts.map((part) => part.replace(/b\d+/, 'batch'))).toEqual(['0: batch', '1: batch_too_large', '2: batch']);
  });
});
