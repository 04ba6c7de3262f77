import { fileExtensions, imageFormats } from '@quintet/images';
import { describe, expect, it } from 'vitest';
import { encodeImage, isPictureName, queryOf, type ImageInput } from './image.js';
import { pictureExtensions } from './picture-extensions.js';

const bytes = new Uint8Array([1, 2, 3]);

describe('a picture', () => {
  it.each<[string, ImageInput]>([
    ['Uint8Array', bytes],
    ['Buffer', Buffer.from(bytes)],
    ['ArrayBuffer', bytes.slice().buffer],
    ['Blob', new Blob([bytes])],
    ['ReadableStream', new Blob([bytes]).stream()],
  ])('is sent as its bytes, given as %s', async (_, image) => {
    const encoded = await encodeImage(image, { top_k: 3 });
    expect(encoded).toMatchObject({ query: '?top_k=3', contentType: 'application/octet-stream' });
    expect(Buffer.from(encoded.body as Uint8Array)).toEqual(Buffer.from(bytes));
  });

  it('is an address that the service fetches, given as a URL', async () => {
    const encoded = await encodeImage(new URL('https://example.com/a.jpg'), { top_k: 3, model: undefined });
    expect(encoded).toEqual({
      query: '',
      contentType: 'application/json',
      body: '{"top_k":3,"image_url":"https://example.com/a.jpg"}',
    });
  });

  it('is none of what looks like one', async () => {
    const path = 'photo.jpg' as unknown as ImageInput;
    await expect(encodeImage(path, {})).rejects.toThrow('A string is neither');
    await expect(encodeImage(new URL('file:///photo.jpg'), {})).rejects.toMatchObject({ code: 'image_unreadable' });
  });
});

describe('options', () => {
  it('are a query, as the service reads it', () => {
    const query = queryOf({
      min_score: 0,
      explain: true,
      webhook_events: ['job.failed', 'job.expired'],
      metadata: { 'a&b': 'ü' },
      priority: undefined,
    });
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
      min_score: '0',
      explain: 'true',
      webhook_events: 'job.failed,job.expired',
      metadata: '{"a&b":"ü"}',
    });
    expect(queryOf({})).toBe('');
  });
});

describe('the names of pictures', () => {
  it('end as the files do that the service reads (npm run docs writes them)', () => {
    expect(pictureExtensions).toEqual(Object.values(fileExtensions).flat());
    expect(new Set(pictureExtensions).size).toBe(pictureExtensions.length);
    for (const format of imageFormats)
      expect(fileExtensions[format].some((each) => isPictureName(`a.${each}`))).toBe(true);
  });

  it.each([
    ['IMG_0001.HIF', true],
    ['DSC.0001.mpo', true],
    ['a.Jpeg', true],
    ['a.apng', true],
    ['a.avifs', true],
    ['a.dib', true],
    ['.hidden.jpg', false],
    ['.jpg', false],
    ['jpg', false],
    ['a.jpg.part', false],
    ['a.svg', false],
    ['a.', false],
    ['constructor', false],
  ])('%s: %s', (name, is) => {
    expect(isPictureName(name)).toBe(is);
  });
});
