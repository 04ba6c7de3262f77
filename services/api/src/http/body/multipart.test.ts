import { describe, expect, it } from 'vitest';
import { limits, seen, type Seen } from './batch/collect.test-support.js';
import { readMultipartItems } from './batch/multipart-items.js';
import { formOf, part, requestOf, type Part } from '../../../../../test/support/forms.js';
import { readMultipart } from './multipart.js';

const image = Buffer.from('\xff\xd8\xff\xe0\0\x10JFIF\0\x01 and \xff\xfe more\xff\xd9', 'latin1');
const most = 50_000;
const single = (parts: Part[], body = formOf(parts)) => readMultipart(requestOf(body), most);

async function batch(parts: Part[]): Promise<Seen[]> {
  const items: Seen[] = [];
  await readMultipartItems(
    requestOf(formOf(parts)),
    { ...limits, maxItems: 3, maxItemBytes: most },
    {
      add: (input) => {
        items.push(seen(input));
        return Promise.resolve();
      },
    },
  );
  return items;
}

const octets = 'Content-Type: application/octet-stream';
const noChoice = (field: string): Part => part(field, '', '; filename=""', octets);

/** The picture's part as clients write it that give it no file name. */
const nameless: [string, (field: string) => Part][] = [
  ['Java HttpClient, with a type', (field) => part(field, image, '', 'Content-Type: image/jpeg')],
  ['Spring, ByteArrayResource', (field) => part(field, image, '', octets, `Content-Length: ${image.length}`)],
  ['Ktor', (field) => part(field, image, '', 'Content-Length: 40')],
  ['.NET, ByteArrayContent', (field) => ({ head: [`Content-Disposition: form-data; name=${field}`], content: image })],
  ['Go, CreateFormField', (field) => part(field, image)],
  ['an empty file name', (field) => part(field, image, '; filename=""', octets)],
  [
    'a charset that would change the bytes',
    (field) => part(field, image, '', 'Content-Type: image/jpeg; charset=utf-16le'),
  ],
  [
    'text, as it says',
    (field) => part(field, image, '', 'Content-Type: text/plain', 'Content-Transfer-Encoding: binary'),
  ],
];

describe('a form with a picture that has no file name', () => {
  it.each(nameless)('is read as it was sent: %s', async (_, written) => {
    expect((await single([part('top_k', '3'), written('image')])).image).toEqual(image);
    expect(await batch([written('images'), written('image')])).toEqual([
      ['images/0', image],
      ['image/1', image],
    ]);
  });

  it('is bounded as a file is, not as a text', async () => {
    const large = Buffer.alloc(most, 'x\0');
    expect((await single([part('image', large)])).image).toEqual(large);
    await expect(single([part('image', Buffer.alloc(most + 1, '\0'))])).rejects.toMatchObject({
      code: 'body_too_large',
    });
    await expect(single([part('image', Buffer.alloc(200_000))])).rejects.toMatchObject({ code: 'body_too_large' });
    const [[, what] = []] = await batch([part('images', Buffer.alloc(most + 1, '\0'))]);
    expect(what).toBe('body_too_large');
  });

  it.each([
    ['https://example.com/a.jpg', /an address.*image_url/],
    [`data:image/jpeg;base64,${image.toString('base64')}`, /base64.*image_base64/],
    [image.toString('base64').repeat(3), /base64.*image_base64/],
    ['[object File]', /the text "\[object File\]".*curl/],
    ['C:\\photos\\Café.jpg', /the text "C:\\\\photos\\\\Café.jpg"/],
    ['undefined', /the text "undefined"/],
  ])('is refused with advice where it is text: %s', async (text, advice) => {
    await expect(single([part('image', text)])).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringMatching(advice) as string,
    });
    expect(await batch([part('images', text), part('images', image)])).toEqual([
      ['images/0', 'image_missing'],
      ['images/1', image],
    ]);
  });
});

describe('file inputs in which nothing was chosen', () => {
  it('are ignored, wherever they are', async () => {
    const { image: found, fields } = await single([
      noChoice('image'),
      noChoice('other'),
      part('image', image, '; filename="a.jpg"'),
      noChoice('image'),
      part('top_k', '2'),
      noChoice('image2'),
    ]);
    expect(found).toEqual(image);
    expect(fields).toEqual([['top_k', '2']]);
    expect(await batch([noChoice('images'), part('images', image, '; filename="a.jpg"'), noChoice('x')])).toEqual([
      ['a.jpg', image],
    ]);
  });

  it('are no picture', async () => {
    await expect(single([noChoice('image')])).rejects.toMatchObject({ code: 'image_missing' });
    await expect(single([part('image', '')])).rejects.toMatchObject({ code: 'image_missing' });
    // This one was chosen, and is empty.
    expect((await single([part('image', '', '; filename="a.jpg"')])).image).toHaveLength(0);
  });
});

describe('more than one picture', () => {
  it.each([
    [part('image', image), part('image', image)],
    [part('image', image), part('image', image, '; filename="b.jpg"')],
    [part('image', image), part('image', '', '; filename="empty.jpg"')],
    [part('image', image), part('other', image, '; filename="b.jpg"')],
    Array.from({ length: 200 }, () => part('image', image)),
  ])('is refused in the form of one job', async (...parts) => {
    await expect(single(parts)).rejects.toMatchObject({ code: 'one_image_per_job' });
  });

  it('is refused past the limit of a batch, and in another field', async () => {
    await expect(batch(Array.from({ length: 4 }, () => part('images', image)))).rejects.toMatchObject({
      code: 'batch_too_many_items',
    });
    await expect(batch(Array.from({ length: 200 }, () => part('images', image)))).rejects.toMatchObject({
      code: 'batch_too_many_items',
    });
    await expect(batch([part('photo', image, '', 'Content-Type: image/jpeg')])).rejects.toMatchObject({
      code: 'file_field_unexpected',
    });
    await expect(single([part('file', image, '; filename="a.jpg"')])).rejects.toMatchObject({
      code: 'file_field_unexpected',
    });
  });
});
