import type { ByteReader } from './byte-reader.js';

const signatures: readonly (readonly [number, string, string])[] = [
  [0, '%PDF-', 'a PDF'],
  [0, '%!PS', 'PostScript'],
  [0, '8BPS', 'a Photoshop document'],
  [0, '\xff\x0a', 'JPEG XL'],
  [4, 'JXL ', 'JPEG XL'],
  [4, 'jP  ', 'JPEG 2000'],
  [0, '\xff\x4f\xff\x51', 'JPEG 2000'],
  [0, 'II\xbc\x01', 'JPEG XR'],
  [0, '\0\0\x01\0', 'an icon (ICO)'],
  [0, 'qoif', 'a QOI image'],
  [0, '\x76\x2f\x31\x01', 'OpenEXR'],
  [0, '#?RADIANCE', 'a Radiance HDR image'],
  [0, 'PK\x03\x04', 'a ZIP archive or an office document'],
  [0, 'Rar!', 'a RAR archive'],
  [0, "7z\xbc\xaf'\x1c", 'a 7z archive'],
  [0, '\x1f\x8b', 'gzip data'],
  [0, '\x7fELF', 'a program'],
  [0, 'MZ', 'a Windows program'],
  [4, 'ftyp', 'a video or another ISO media file'],
  [0, '\x1a\x45\xdf\xa3', 'a Matroska or WebM video'],
  [0, 'OggS', 'Ogg media'],
  [0, 'ID3', 'MP3 audio'],
  [8, 'WAVE', 'WAVE audio'],
  [8, 'AVI ', 'an AVI video'],
];

/** Names what the bytes look like, for the message that refuses them. */
export function describeContent(bytes: ByteReader): string {
  for (const [at, text, name] of signatures) {
    if (bytes.matches(at, text)) return name;
  }
  const head = bytes.buffer.toString('latin1', 0, 4096);
  const markup = head
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .toLowerCase();
  if (markup.startsWith('<')) {
    if (/<svg[\s>:]/.test(markup)) return 'an SVG';
    if (markup.startsWith('<!doctype html') || markup.startsWith('<html')) return 'HTML';
    return 'XML or HTML';
  }
  if (markup.startsWith('{') || markup.startsWith('[')) return 'text (perhaps JSON)';
  // eslint-disable-next-line no-control-regex -- control characters are exactly what tells text from other data
  if (head.length > 0 && !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(head)) return 'text';
  return 'nothing known';
}
