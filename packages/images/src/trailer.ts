/**
 * What may stand behind an image, and what makes the file a polyglot.
 *
 * Accepted, because cameras and editors write it:
 *  - nothing, or zero padding up to the end of the file;
 *  - further whole JPEGs (MPF: large previews and 3D pairs; Ultra HDR: the gain map);
 *  - an MP4 (Google and Samsung Motion Photo) whose boxes fill the rest;
 *  - Samsung's trailer, blocks closed by a directory `SEFH` … `SEFT`;
 *  - bytes that are nothing known, which no reader will interpret.
 * Refused, because another program would read the file as something else:
 *  - ZIP (JAR, APK, office documents), wherever its directory makes the end of the file an archive, 7z, RAR, PDF (also
 *    in the first KiB, where readers look for it), ELF and Windows programs, PHP, HTML, script, SVG and other XML.
 * Only the first and last 64 KiB of unknown bytes are searched, so the cost has a bound that uploads cannot move.
 */
import { readBox } from './heif-boxes.js';
import type { ByteReader } from './byte-reader.js';
import { ImageError } from './image-info.js';
import { walkJpeg } from './walk-jpeg.js';

const WINDOW = 65_536;
const MAX_PIECES = 64;
const ZEROS = Buffer.alloc(4096);

const binarySignatures: readonly (readonly [string, string])[] = [
  ['PK\x03\x04', 'a ZIP archive'],
  ['PK\x05\x06', 'a ZIP archive'],
  ["7z\xbc\xaf'\x1c", 'a 7z archive'],
  ['Rar!\x1a\x07', 'a RAR archive'],
  ['%PDF-', 'a PDF'],
  ['\x7fELF', 'an ELF program'],
];

const textSignatures: readonly (readonly [string, string])[] = [
  ['<?php', 'PHP code'],
  ['<script', 'a script'],
  ['<html', 'HTML'],
  ['<!doctype', 'HTML'],
  ['<svg', 'an SVG'],
  ['<?xml', 'XML'],
];

/** Throws `image_polyglot` if the file is also something else; `end` is where the image's own structure ends. */
export function refusePolyglot(bytes: ByteReader, end: number): void {
  if (bytes.buffer.subarray(0, 1024).includes('%PDF-', 0, 'latin1')) throw polyglot('a PDF');
  if (endsAsZip(bytes)) throw polyglot('a ZIP archive');
  let at = end;
  for (let piece = 0; piece < MAX_PIECES; piece += 1) {
    at = skipZeros(bytes, at);
    if (at >= bytes.length) return;
    const next = skipJpeg(bytes, at) ?? skipVideo(bytes, at);
    if (next === undefined) break;
    at = next;
  }
  if (at < bytes.length) refuseForeign(bytes, at);
}

function refuseForeign(bytes: ByteReader, from: number): void {
  const { buffer, length } = bytes;
  const text = !isSamsungTrailer(bytes, from);
  refuseWindow(buffer.subarray(from, Math.min(length, from + WINDOW)), text);
  if (length - from > WINDOW) refuseWindow(buffer.subarray(Math.max(from + WINDOW - 16, length - WINDOW)), text);
  if (isProgram(bytes, from)) throw polyglot('a Windows program');
}

function refuseWindow(window: Buffer, searchText: boolean): void {
  for (const [signature, what] of binarySignatures) {
    if (window.includes(signature, 0, 'latin1')) throw polyglot(what);
  }
  if (!searchText) return;
  const text = window.toString('latin1').toLowerCase();
  for (const [signature, what] of textSignatures) {
    if (text.includes(signature)) throw polyglot(what);
  }
}

/** An MZ header that points at a PE header: two letters alone would be found in any noise. */
function isProgram(bytes: ByteReader, from: number): boolean {
  if (!bytes.matches(from, 'MZ')) return false;
  if (from + 64 > bytes.length) return false;
  return bytes.matches(from + bytes.u32le(from + 60), 'PE\0\0');
}

/** `SEFH`, its directory, the directory's length and `SEFT` at the very end; its blocks may hold XML of the camera. */
function isSamsungTrailer(bytes: ByteReader, from: number): boolean {
  if (!bytes.matches(bytes.length - 4, 'SEFT') || bytes.length - from < 20) return false;
  const directory = bytes.length - 8 - bytes.u32le(bytes.length - 8);
  return directory >= from && bytes.matches(directory, 'SEFH');
}

/** An end-of-central-directory record whose comment reaches the end of the file, as every unzip looks for it. */
function endsAsZip(bytes: ByteReader): boolean {
  const tail = bytes.buffer.subarray(Math.max(0, bytes.length - (WINDOW + 22)));
  for (let at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1'); at >= 0;) {
    if (at + 22 <= tail.length && at + 22 + tail.readUInt16LE(at + 20) === tail.length) return true;
    if (at === 0) return false;
    at = tail.lastIndexOf('PK\x05\x06', at - 1, 'latin1');
  }
  return false;
}

function skipZeros(bytes: ByteReader, from: number): number {
  let at = from;
  while (
    at + ZEROS.length <= bytes.length &&
    bytes.buffer.compare(ZEROS, 0, ZEROS.length, at, at + ZEROS.length) === 0
  ) {
    at += ZEROS.length;
  }
  while (at < bytes.length && bytes.buffer[at] === 0) at += 1;
  return at;
}

function skipJpeg(bytes: ByteReader, at: number): number | undefined {
  if (!bytes.matches(at, '\xff\xd8\xff')) return undefined;
  try {
    return walkJpeg(bytes, at, { maxPixels: Infinity }).end;
  } catch (error) {
    if (error instanceof ImageError && error.code === 'image_too_complex') throw error;
    return undefined;
  }
}

/** The end of a movie that starts here; its first box size begins with zeros, which have just been skipped. */
function skipVideo(bytes: ByteReader, at: number): number | undefined {
  for (let start = Math.max(0, at - 3); start <= at; start += 1) {
    if (!bytes.matches(start + 4, 'ftyp')) continue;
    let end = start;
    for (let box = readBox(bytes, end, bytes.length); box !== undefined; box = readBox(bytes, end, bytes.length)) {
      if (box.end > bytes.length) break;
      end = box.end;
    }
    return end > start ? end : undefined;
  }
  return undefined;
}

function polyglot(what: string): ImageError {
  return new ImageError('image_polyglot', `The file is an image and also holds ${what}.`);
}
