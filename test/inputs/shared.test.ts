/** The files of ../shared/inputs, which rebuild public bug reports: its README says what is right. Where it is absent, one skipped test. */
import { existsSync, readFileSync } from 'node:fs';
import { it } from 'vitest';
import { suiteOrSkip } from '../support/suite-or-skip.js';
import { shared } from '../support/test-model.js';
import {
  bodyOf,
  describeInputs,
  judgeMany,
  type Expected,
  type Input,
  type ManyInput,
  type SendAs,
} from './support/inputs.js';

const folder = `${shared}inputs/`;

/** It is read when its test runs. */
const sharedFile = (name: string) => (): Buffer => readFileSync(folder + name);

const sharedInput = (name: string, expected: Expected, sendAs?: SendAs): Input => ({
  name,
  make: sharedFile(name),
  expect: expected,
  ...(sendAs && { sendAs }),
});

const monarch = { label: 'monarch', score: 0.75 } as const;

const inputs: readonly Input[] = [
  sharedInput('photo.jpg', { label: 'monarch', score: 0.9 }),
  sharedInput('gif-no-trailer.gif', { label: 'monarch' }),
  sharedInput('gif-zeros-before-trailer.gif', { label: 'monarch' }),
  sharedInput('png-no-iend.png', { label: 'monarch' }),
  sharedInput('png-imagemagick-exif-rot6.png', { like: sharedFile('png-exif-rot6-reference.png'), within: 0.001 }),
  sharedInput('bmp-rle8-delta.bmp', { label: 'monarch' }),
  ...[
    'zstd-tiles',
    'cmyk16',
    'rgb32',
    '2-pages-xml-description',
    'tag65000-type0',
    'exif-artist-outside',
    'no-next-pointer',
  ].map((name) => sharedInput(`tiff-${name}.tif`, monarch)),
  sharedInput('tiff-deflate-tiles-zeroed.tif', { code: 'image_undecodable' }),
  sharedInput('avif-animated.avif', { label: 'monarch', score: 0.8 }),
  sharedInput('heic-plus-crlf.heic', {
    like: () => Promise.resolve(sharedFile('heic-plus-crlf.heic')()).then((file) => file.subarray(0, -2)),
    within: 0,
  }),
  sharedInput('multipart-no-filename.bin', { label: 'monarch' }, bodyOf('multipart/form-data; boundary=BOUND')),
  sharedInput('multipart-no-filename-octet.bin', { label: 'monarch' }, bodyOf('multipart/form-data; boundary=BOUND')),
  sharedInput('json-bom.json', { label: 'monarch' }, bodyOf('application/json')),
];

const archives: readonly ManyInput[] = [
  {
    name: 'zip-infozip-utf8-names.zip',
    type: 'application/zip',
    make: sharedFile('zip-infozip-utf8-names.zip'),
    items: [['Café 写真.jpg', 'monarch']],
  },
  {
    name: 'zip-plus-crlf.zip',
    type: 'application/zip',
    make: sharedFile('zip-plus-crlf.zip'),
    items: [
      ['a.jpg', 'monarch'],
      ['sub/b.gif', 'monarch'],
    ],
  },
];

suiteOrSkip(existsSync(folder) ? undefined : '../shared/inputs is not there', 'the files of ../shared/inputs', () => {
  describeInputs('those of public bug reports', {
    own: inputs,
    more: (url) => {
      it.each(archives)('$name', (input) => judgeMany(url(), input));
    },
  });
});
