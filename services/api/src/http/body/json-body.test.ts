import { ProblemError } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { readJsonUpload } from './json-body.js';

const read = (value: unknown) => readJsonUpload(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

const code = async (value: unknown): Promise<string> => {
  const error: unknown = await read(value).catch((reason: unknown) => reason);
  if (error instanceof ProblemError) return error.code;
  throw new Error('was accepted');
};

const bytes = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13));

const asBytes = (image: Buffer | URL): Buffer => (Buffer.isBuffer(image) ? image : Buffer.alloc(0));

describe('readJsonUpload', () => {
  it('gives the bytes and the other members, for short and long images', async () => {
    for (const length of [1, 100, 5000, 3_000_001]) {
      const image = bytes(length);
      const upload = await read({ top_k: 3, image_base64: image.toString('base64') });
      expect(image.equals(asBytes(upload.image))).toBe(true);
      expect(upload.options).toEqual({ top_k: 3 });
    }
  });

  it('understands escaped slashes, line breaks and data URLs, as encoders make them', async () => {
    for (const length of [30, 2_500_000]) {
      const image = bytes(length);
      const base64 = image.toString('base64');
      const php = `{"image_base64":"${base64.replaceAll('/', '\\/')}"}`;
      const wrapped = JSON.stringify({ image_base64: base64.replaceAll(/.{76}/g, '$&\n') });
      const dataUrl = JSON.stringify({ image_base64: `data:image/png;base64,${base64}` });
      const phpDataUrl = dataUrl.replaceAll('/', '\\/');
      for (const text of [php, wrapped, dataUrl, phpDataUrl]) {
        expect(image.equals(asBytes((await read(text)).image)), text.slice(0, 60)).toBe(true);
      }
    }
  });

  it('gives an address as one, with the other members', async () => {
    const upload = await read({ image_url: 'https://example.com/a.jpg?b=1', top_k: 3 });
    expect(upload).toEqual({ image: new URL('https://example.com/a.jpg?b=1'), options: { top_k: 3 } });
    const long = `https://example.com/${'a'.repeat(2028)}`;
    expect((await read({ image_url: long })).image).toEqual(new URL(long));
    for (const image_url of ['', '/a.jpg', 'example.com/a.jpg', 7, null, ['https://example.com/'], `${long}a`]) {
      expect(await code({ image_url }), JSON.stringify(image_url)).toBe('image_url_refused');
    }
    expect(await code({ image_url: `https://example.com/${'a'.repeat(100_000)}` })).toBe('image_url_refused');
  });

  it('says what is wrong', async () => {
    expect(await code('{"image_base64":')).toBe('json_malformed');
    expect(await code('[1]')).toBe('json_malformed');
    expect(await code('null')).toBe('json_malformed');
    expect(await code({})).toBe('image_missing');
    expect(await code({ image_url: 'https://example.com/a.jpg', image_base64: 'QQ==' })).toBe('one_image_per_job');
    expect(await code({ image_base64: 7 })).toBe('base64_invalid');
    expect(await code({ image_base64: 'no base64!' })).toBe('base64_invalid');
    expect(await code({ image_base64: `${'A'.repeat(1_500_000)}!${'A'.repeat(99_999)}` })).toBe('base64_invalid');
    expect(await code({ image_base64: `${'A'.repeat(8000)}\\u00e4` })).toBe('base64_invalid');
    expect(await code({ image_base64: 'QQ==', x: Array.from({ length: 40_000 }, () => 1) })).toBe('body_too_large');
  });

  it('leaves room for other work while it decodes twenty megabytes', async () => {
    const json = Buffer.from(JSON.stringify({ image_base64: bytes(20 * 1024 * 1024).toString('base64') }));
    await read({ image_base64: bytes(1000).toString('base64') });
    /** The longest time without a turn of the event loop, as a share of all the time that reading takes. */
    const longestBlock = async (): Promise<number> => {
      const state = { done: false };
      let longest = 0;
      const began = performance.now();
      const reading = readJsonUpload(json).then(() => (state.done = true));
      for (let turn = began; !state.done;) {
        await new Promise(setImmediate);
        const now = performance.now();
        longest = Math.max(longest, now - turn);
        turn = now;
      }
      await reading;
      return longest / (performance.now() - began);
    };
    // Other processes only add to a block: the quietest of a few runs is the code's own.
    const blocks = [await longestBlock(), await longestBlock(), await longestBlock(), await longestBlock()];
    expect(Math.min(...blocks)).toBeLessThan(1 / 3);
  });
});
