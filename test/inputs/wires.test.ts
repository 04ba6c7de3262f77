/** Requests as clients write them, and answers as servers do: forms, content types, JSON, addresses and archives, around one good picture. */
import { afterAll, beforeAll, it } from 'vitest';
import { makeTar, makeZip } from '../fixtures/archives/index.js';
import { boundary, formOf, part, type Part } from '../support/forms.js';
import { redirect, send, startPictureServer, type Answer, type PictureServer } from '../support/picture-server.js';
import { picture } from '../support/pictures.js';
import { bodyOf, describeInputs, judgeMany, type Input, type ManyInput, type SendAs } from './support/inputs.js';

const umbrella = { label: 'umbrella' };
const octets = 'Content-Type: application/octet-stream';
const noChoice = part('other', '', '; filename=""', octets);

const withForm =
  (parts: (bytes: Buffer) => Part[]): SendAs =>
  (bytes) => ({
    body: new Uint8Array(formOf(parts(bytes))),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  });
const input = (name: string, sendAs: SendAs, expected: Input['expect'] = umbrella): Input => ({
  name,
  make: () => picture('umbrella'),
  sendAs,
  expect: expected,
});
const form = (name: string, parts: (bytes: Buffer) => Part[], expected?: Input['expect']): Input =>
  input(`a form, ${name}`, withForm(parts), expected);
const json = (name: string, encode: (text: string) => Buffer, expected?: Input['expect']): Input =>
  input(
    `JSON, ${name}`,
    (bytes) => ({
      body: new Uint8Array(encode(JSON.stringify({ image_base64: bytes.toString('base64') }))),
      headers: { 'content-type': 'application/json' },
    }),
    expected,
  );

let server: PictureServer;
/** An address at which the picture is, or a way to it. */
const address = (name: string, answer: (bytes: Buffer) => Answer, expected?: Input['expect']): Input =>
  input(
    `an address, ${name}`,
    (bytes) => ({
      body: JSON.stringify({ image_url: server.at(answer(bytes)) }),
      headers: { 'content-type': 'application/json' },
    }),
    expected,
  );

const zip = 'application/zip';
const infoZip = (): Buffer =>
  makeZip([{ name: '', nameBytes: Buffer.from('Café 写真.jpg'), content: picture('umbrella') }]);
const many: ManyInput[] = [
  {
    name: 'a form without file names',
    type: `multipart/form-data; boundary=${boundary}`,
    make: () => formOf([part('images', picture('umbrella')), noChoice, part('images', 'photo.jpg')]),
    items: [
      ['images/0', 'umbrella'],
      ['images/1', 'image_missing'],
    ],
  },
  { name: "a ZIP with Info-ZIP's names", type: zip, make: infoZip, items: [['Café 写真.jpg', 'umbrella']] },
  {
    name: 'a ZIP with a line end behind it',
    type: zip,
    make: () => Buffer.concat([infoZip(), Buffer.from('\r\n')]),
    items: [['Café 写真.jpg', 'umbrella']],
  },
  {
    name: 'a ZIP behind a program',
    type: zip,
    make: () => Buffer.concat([Buffer.alloc(5000, 'MZ'), infoZip()]),
    items: [['Café 写真.jpg', 'umbrella']],
  },
  {
    name: 'a TAR with bytes behind it',
    type: 'application/x-tar',
    make: async () =>
      Buffer.concat([await makeTar([{ name: '写真.jpg', content: picture('umbrella') }]), Buffer.from('\r\n')]),
    items: [['写真.jpg', 'umbrella']],
  },
];

describeInputs('clients', {
  own: [
    form('without a file name, with a type', (bytes) => [part('image', bytes, '', 'Content-Type: image/jpeg')]),
    form('without a file name, as octets', (bytes) => [part('image', bytes, '', octets)]),
    form('without a file name or a type', (bytes) => [part('top_k', '3'), part('image', bytes)]),
    form('with an empty file name', (bytes) => [part('image', bytes, '; filename=""', octets)]),
    form('with a second input that is empty', (bytes) => [part('image', bytes, '; filename="a.jpg"'), noChoice]),
    form('with metadata as a Blob', (bytes) => [
      part('metadata', '{"a":"b"}', '; filename="blob"', 'Content-Type: application/json'),
      part('image', bytes, '; filename="blob"', 'Content-Type: image/png'),
    ]),
    form('with an address as text', () => [part('image', 'https://example.com/photo.jpg')], {
      code: 'image_missing',
      detail: /image_url/,
    }),
    form('with base64 as text', (bytes) => [part('image', bytes.toString('base64'))], {
      code: 'image_missing',
      detail: /image_base64/,
    }),
    form('with two pictures', (bytes) => [part('image', bytes), part('image', bytes)], {
      code: 'one_image_per_job',
      detail: /\/v1\/batches/,
    }),
    form('with 40 MB and no file name', () => [part('image', Buffer.alloc(40_000_000, 'x\0'))], {
      code: 'body_too_large',
    }),
    ...[
      'image/*',
      'image/jpg',
      'image/JPEG; name="a.jpg"',
      'application/octet-stream; charset=binary',
      'binary/octet-stream',
      '',
    ].map((type) => input(`a picture as the body, of the type "${type}"`, bodyOf(type))),
    json('with a byte-order mark', (text) => Buffer.from(`\ufeff${text}`)),
    json('in UTF-16', (text) => Buffer.from(text, 'utf16le'), { code: 'json_malformed', detail: /UTF-8/ }),
    json('in UTF-16 with a mark', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), {
      code: 'json_malformed',
      detail: /UTF-8/,
    }),
    ...['base64', 'utf-8', 'aws-chunked', 'binary', ''].map((encoding) =>
      address(`with Content-Encoding "${encoding}"`, (bytes) => send(bytes, { 'content-encoding': encoding })),
    ),
    address('with Content-Encoding gzip', (bytes) => send(bytes, { 'content-encoding': 'gzip' }), {
      code: 'image_format_unsupported',
      detail: /compressed with gzip/,
    }),
    // Node writes a header in Latin-1: its bytes are UTF-8 then.
    address('that redirects in raw UTF-8', (bytes) =>
      redirect(`${new URL(server.at(send(bytes))).pathname}/${Buffer.from('写真 é.jpg').toString('latin1')}`),
    ),
  ],
  more: (url) => {
    beforeAll(async () => {
      server = await startPictureServer();
    });
    afterAll(() => server.stop());

    it.each(many)('$name', (input) => judgeMany(url(), input));
  },
});
