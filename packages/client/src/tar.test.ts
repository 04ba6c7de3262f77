import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { asStream, entrySize, tarChunks, tarSize, type BatchFile } from './tar.js';

async function bytesOf(files: readonly BatchFile[]): Promise<Buffer> {
  return Buffer.from(await new Response(asStream(tarChunks(files))).arrayBuffer());
}

/** What another program reads of it. */
async function entriesOf(archive: Buffer): Promise<[string, Buffer][]> {
  const entries: [string, Buffer][] = [];
  const parser = extract();
  parser.on('entry', ({ name }, stream, next) => {
    buffer(stream).then((content) => {
      entries.push([name, content]);
      next();
    }, next);
  });
  await pipeline(Readable.from([archive]), parser);
  return entries;
}

describe('an archive', () => {
  it('is as long as was told, and has the files under their names, however long', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'ß', '/', '.', ' ', '雪'), minLength: 1, maxLength: 120 });
    const file = fc.record({ name: name.map((text) => `x${text}y`), content: fc.uint8Array({ maxLength: 1200 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 4 }), async (files) => {
        const archive = await bytesOf(files);
        expect(archive).toHaveLength(tarSize(files));
        expect(archive.length).toBe(files.reduce((sum, each) => sum + entrySize(each), 1024));
        const expected = files.map(({ name: path, content }) => [path, Buffer.from(content)]);
        expect(await entriesOf(archive)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('is broken off where a file is not as long as it said', async () => {
    for (const size of [4, 6]) {
      const content = { size, stream: () => Readable.from([Buffer.from('12345')]) };
      await expect(bytesOf([{ name: 'a.jpg', content }])).rejects.toThrow('a.jpg was changed while it was sent');
    }
  });
});
