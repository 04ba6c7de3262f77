/**
 * The colour that transparent pixels of a GIF's first frame have when transparency is ignored, as Pillow ignores it:
 * often the white or grey that the picture was drawn on. libvips says 0 for all of them.
 *
 * What lies outside the first frame is transparent to libvips too; Pillow fills it with the transparent colour, or without
 * one with the background colour.
 */
export interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

const black: Colour = { r: 0, g: 0, b: 0 };
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const FRAME = 0x2c;

export function transparentColour(gif: Buffer): Colour {
  const flags = gif[10] ?? 0;
  let index = gif[11] ?? 0;
  let at = 13 + tableBytes(flags);
  while (gif[at] === EXTENSION) {
    if (gif[at + 1] === GRAPHIC_CONTROL && ((gif[at + 3] ?? 0) & 1) === 1) index = gif[at + 6] ?? 0;
    at += 2;
    // Sub-blocks, each with its length before it, until one of length 0.
    for (let length = gif[at] ?? 0; length > 0; length = gif[at] ?? 0) at += 1 + length;
    at += 1;
  }
  if (gif[at] !== FRAME) return black;
  const local = tableBytes(gif[at + 9] ?? 0);
  const [table, size] = local > 0 ? [at + 10, local] : [13, tableBytes(flags)];
  if (3 * index >= size) return black;
  const [r = 0, g = 0, b = 0] = gif.subarray(table + 3 * index, table + 3 * index + 3);
  return { r, g, b };
}

function tableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}
