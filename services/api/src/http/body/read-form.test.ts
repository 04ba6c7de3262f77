import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { ProblemError } from '@quintet/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundary, formOf, part, requestOf } from '../../../../../test/support/forms.js';
import { collect, readForm, type FilePart } from './read-form.js';

const settings = {
  fileFields: ['image'],
  mostFiles: 5,
  mostBytes: 200_000,
  tooLarge: () => new ProblemError('body_too_large', 'too large'),
  tooMany: () => new ProblemError('one_image_per_job', 'too many'),
};
type File = [field: string, name: string, content: Buffer | undefined];

async function read(request: IncomingMessage): Promise<{ files: File[]; fields: [string, string][] }> {
  const files: File[] = [];
  const fields = await readForm(request, settings, async ({ field, name, stream }) => {
    files.push([field, name, await collect(stream, 100_000)]);
  });
  return { files, fields };
}

const open = (): PassThrough =>
  Object.assign(new PassThrough(), {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    complete: true,
  });
const asRequest = (stream: PassThrough): IncomingMessage => stream as unknown as IncomingMessage;

describe('readForm', () => {
  it('gives every file and every field as it was sent, however the body is cut', async () => {
    // What looks like the beginning of a boundary, and what text decoding would change.
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom('\r', '\n', '-', '--', '\r\n--', `\r\n--${boundary.slice(0, 9)}`, 'x', '\xff\xd8'), {
          maxLength: 12,
        })
        .map((pieces) => Buffer.from(pieces.join(''), 'latin1')),
    );
    const file = fc.record({
      content: bytes,
      name: fc.constantFrom(undefined, '', 'a.jpg', 'Café 写真.jpg', 'a;b=c.jpg'),
      type: fc.constantFrom(undefined, 'image/jpeg', 'application/octet-stream', 'text/plain; charset=utf-16'),
    });
    const field = fc.tuple(
      fc.constantFrom('top_k', 'metadata', 'else'),
      fc.string({ unit: 'grapheme', maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(file, field), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 400 }),
        async (given, length) => {
          const parts = given.map((each) =>
            Array.isArray(each)
              ? part(each[0], each[1])
              : part(
                  'image',
                  each.content,
                  each.name === undefined ? '' : `; filename="${each.name}"`,
                  ...(each.type === undefined ? [] : [`Content-Type: ${each.type}`]),
                ),
          );
          const { files, fields } = await read(requestOf(formOf(parts), length));
          const sent = given.filter((each) => !Array.isArray(each)) as { content: Buffer; name: string | undefined }[];
          expect(files).toEqual(sent.map(({ content, name }) => ['image', name ?? '', content]));
          expect(fields).toEqual(given.filter((each) => Array.isArray(each)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes a part for what its name says, and one of another name for what it looks like', async () => {
    const form = formOf([
      part('image', 'a', '', 'Content-Type: text/plain'),
      part('metadata', '{}', '; filename="blob"', 'Content-Type: application/json'),
      part('top_k', '3', '', 'Content-Type: application/octet-stream'),
      part('photo', 'b', '', 'Content-Type: image/png'),
      part('other', 'c', '; filename="c.jpg"'),
      part('note', 'd'),
    ]);
    const { files, fields } = await read(requestOf(form));
    expect(files.map(([field]) => field)).toEqual(['image', 'photo', 'other']);
    expect(fields).toEqual([
      ['metadata', '{}'],
      ['top_k', '3'],
      ['note', 'd'],
    ]);
  });

  it.each([
    ['; filename="a%22b%0D%0A.jpg"', 'a"b\r\n.jpg'],
    ['; filename="a\\"b.jpg"', 'a"b.jpg'],
    ['; filename="C:\\fakepath\\photo.jpg"', 'photo.jpg'],
    ["; filename=photo.jpg; filename*=utf-8''ph%C3%B6to.jpg", 'phöto.jpg'],
    ['; filename="50%.jpg"', '50%.jpg'],
  ])('knows the file name of %s', async (more, name) => {
    const { files } = await read(requestOf(formOf([part('image', 'x', more)])));
    expect(files).toEqual([['image', name, Buffer.from('x')]]);
  });

  it.each([
    ['no boundary', formOf([part('image', 'x')]), 'multipart/form-data', 'multipart_malformed'],
    ['no form', Buffer.from('not multipart at all'), undefined, 'multipart_malformed'],
    [
      'no part with a name',
      Buffer.from(`--${boundary}\r\nnonsense\r\n\r\nx\r\n--${boundary}--\r\n`),
      undefined,
      'multipart_malformed',
    ],
    [
      'a file without a field',
      formOf([{ head: ['Content-Disposition: form-data; filename="a"'], content: 'x' }]),
      undefined,
      'multipart_malformed',
    ],
    [
      'an end within a file',
      formOf([part('image', 'x'.repeat(500))]).subarray(0, 300),
      undefined,
      'multipart_malformed',
    ],
    ['an end within a header', formOf([part('image', 'x')]).subarray(0, 70), undefined, 'multipart_malformed'],
    [
      'an end after a field',
      formOf([part('top_k', '3'), part('image', 'x')]).subarray(0, 110),
      undefined,
      'multipart_malformed',
    ],
    ['a long field', formOf([part('metadata', 'x'.repeat(20_000))]), undefined, 'option_invalid'],
    ['many fields', formOf(Array.from({ length: 30 }, (_, i) => part(`a${i}`, 'x'))), undefined, 'option_unknown'],
    ['many files', formOf(Array.from({ length: 60 }, () => part('image', ''))), undefined, 'one_image_per_job'],
    ['a long file', formOf([part('image', Buffer.alloc(300_000))]), undefined, 'body_too_large'],
  ])('refuses %s', async (_, body, type, code) => {
    for (const length of [7, 65_536]) {
      await expect(read(requestOf(body, length, type))).rejects.toMatchObject({ code });
    }
  });

  it('waits for its reader where it has come in full, though the request is over', async () => {
    const request = open();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const sizes: (number | undefined)[] = [];
    const form = readForm(asRequest(request), settings, async ({ stream }: FilePart) => {
      await held;
      sizes.push((await collect(stream, 100_000))?.length);
    });
    request.end(formOf([part('image', Buffer.alloc(10_000)), part('image', Buffer.alloc(20))]));
    await once(request, 'close');
    release();
    await form;
    expect(sizes).toEqual([10_000, 20]);
  });

  it('ends its reader where the connection ends before the form does', async () => {
    const request = open();
    let ended: unknown;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const form = readForm(asRequest(request), settings, async ({ stream }) => {
      begin();
      await collect(stream, 100_000).catch((error: unknown) => {
        ended = error;
        throw error;
      });
    });
    request.write(formOf([part('image', Buffer.alloc(10_000))]).subarray(0, 5000));
    await begun;
    request.destroy();
    await expect(form).rejects.toMatchObject({ code: 'upload_incomplete' });
    expect(ended).toMatchObject({ code: 'upload_incomplete' });
  });

  it('passes on what the reader throws, though the client sends on', async () => {
    const request = open();
    const form = readForm(asRequest(request), settings, () => Promise.reject(new Error('the disk is full')));
    request.write(formOf([part('image', Buffer.alloc(10_000))]));
    await expect(form).rejects.toThrow('the disk is full');
    request.destroy();
  });
});
