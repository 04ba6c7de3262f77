import { crc32 } from 'node:zlib';
import { truncated, type ImageError } from '@quintet/images';

const SIGNATURE = 8;
/** Length, type and checksum around the data of a chunk. */
const AROUND = 12;
const end = chunk('IEND', Buffer.alloc(0));

/**
 * A PNG as libpng reads it to its end: as it is where its data have their checksums and IEND closes it, else a copy of what the
 * pixels need. libpng refuses a file that lacks only its last chunk, or whose checksum is wrong where the data are right, which
 * their own checksum (Adler-32) says; Pillow and browsers show both. The checksums of header and palette stay: nothing else
 * vouches for them.
 *
 * @param bytes a PNG that `inspectImage` has accepted
 */
export function mendPng(bytes: Buffer): { readonly bytes: Buffer; readonly ended: boolean } {
  const head: Buffer[] = [bytes.subarray(0, SIGNATURE)];
  const data: Buffer[] = [];
  // libpng takes no data behind another chunk, and neither does Pillow.
  let closed = false;
  let sound = true;
  let ended = false;
  for (let at = SIGNATURE; at + 8 <= bytes.length && !ended;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (at + 8 + length > bytes.length) break;
    const next = at + AROUND + length;
    if (type === 'IDAT' && !closed) {
      const body = bytes.subarray(at + 8, at + 8 + length);
      sound &&= next <= bytes.length && crc32(bytes.subarray(at + 4, next - 4)) === bytes.readUInt32BE(next - 4);
      data.push(body);
    } else if (type === 'IEND') ended = next <= bytes.length;
    else if (type === 'IHDR' || (type === 'PLTE' && data.length === 0)) head.push(bytes.subarray(at, next));
    closed ||= data.length > 0 && type !== 'IDAT';
    at = next;
  }
  if (ended && sound) return { bytes, ended };
  return { bytes: Buffer.concat([...head, chunk('IDAT', Buffer.concat(data)), end]), ended };
}

function chunk(type: string, data: Buffer): Buffer {
  const out = Buffer.alloc(AROUND + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** What a PNG that is not closed has wrong where its pixels cannot be decoded: they are not all there. */
export function cutPng(cause: unknown): ImageError {
  return truncated('The PNG ends before its picture data do.', cause);
}
