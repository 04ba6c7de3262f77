/**
 * Size of a JPEG that holds nothing but pixels in an ordinary colour space: no EXIF, which may turn it, and one or three
 * components. For those libvips need not be asked before it decodes; of any other, and of what is malformed, nothing is
 * said here, and libvips decides.
 */

const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
/** Start of frame: baseline, extended, progressive. The markers between 0xc0 and 0xcf that are none are not in it. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

export function plainJpeg(bytes: Buffer): { readonly width: number; readonly height: number } | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  let size: { width: number; height: number } | undefined;
  for (let at = 2; at + 10 <= bytes.length;) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff || marker === 0xff) return undefined;
    if (marker === START_OF_SCAN) return size;
    if (marker === APP1 && bytes.toString('latin1', at + 4, at + 8) === 'Exif') return undefined;
    if (frames.has(marker)) {
      const components = bytes[at + 9];
      if (size !== undefined || (components !== 1 && components !== 3)) return undefined;
      size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
      if (size.width === 0 || size.height === 0) return undefined;
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
