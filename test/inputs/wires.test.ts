/** Requests as clients write them: forms, content types and JSON, around one good picture. */
import { describeInputs, sharedInput, bodyOf, type Input, type SendAs } from './support/inputs.js';
import { boundary, formOf, part, type Part } from '../support/forms.js';
import { picture } from '../support/pictures.js';

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
    form('with 30 MB and no file name', () => [part('image', Buffer.alloc(30_000_000, 'x\0'))], {
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
  ],
  shared: [
    sharedInput('multipart-no-filename.bin', { label: 'monarch' }, bodyOf('multipart/form-data; boundary=BOUND')),
    sharedInput('multipart-no-filename-octet.bin', { label: 'monarch' }, bodyOf('multipart/form-data; boundary=BOUND')),
    sharedInput('json-bom.json', { label: 'monarch' }, bodyOf('application/json')),
  ],
});
