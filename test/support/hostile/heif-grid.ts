/**
 * HEIF grids (ISO/IEC 23008-12, 6.6.2.3) made of one coded picture: every tile is an item of its own whose bytes are the
 * same, so that a few kilobytes decode to as many pixels as wanted. The picture comes from a whole AVIF or HEIC file.
 */

export interface Part {
  readonly type: string;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

export function parts(bytes: Buffer, from: number, to: number): Part[] {
  const found: Part[] = [];
  for (let start = from; start + 8 <= to;) {
    const end = start + bytes.readUInt32BE(start);
    found.push({ type: bytes.toString('latin1', start + 4, start + 8), start, payload: start + 8, end });
    start = end;
  }
  return found;
}

export function child(bytes: Buffer, parent: Part, type: string, skip = 0): Part {
  const found = parts(bytes, parent.payload + skip, parent.end).find((part) => part.type === type);
  if (found === undefined) throw new Error(`the file has no ${type} box`);
  return found;
}

export function box(type: string, ...payload: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

const u8 = (...values: readonly number[]): Buffer => Buffer.from(values);
const u16 = (...values: readonly number[]): Buffer => Buffer.from(values.flatMap((v) => [(v >> 8) & 0xff, v & 0xff]));
const u32 = (...values: readonly number[]): Buffer =>
  Buffer.concat(
    values.map((value) => {
      const out = Buffer.alloc(4);
      out.writeUInt32BE(value >>> 0, 0);
      return out;
    }),
  );
const full = (type: string, version: number, flags: number, ...payload: readonly Uint8Array[]): Buffer =>
  box(type, u32(version * 2 ** 24 + flags), ...payload);

export interface GridOptions {
  readonly rows: number;
  readonly columns: number;
  /** What the grid's own `ispe` and its descriptor claim; the tiles' together by default. */
  readonly claimed?: { readonly width: number; readonly height: number };
  /** The tiles that `dimg` names; as many as the grid has by default. 0 names the grid itself. */
  readonly references?: readonly number[];
}

/** `picture`: a file with one item, whose configuration, size and data the tiles share. */
export function heifGrid(picture: Buffer, options: GridOptions): Buffer {
  const { rows, columns } = options;
  const top = parts(picture, 0, picture.length);
  const ftyp = top.find(({ type }) => type === 'ftyp');
  const meta = top.find(({ type }) => type === 'meta');
  const mdat = top.find(({ type }) => type === 'mdat');
  if (ftyp === undefined || meta === undefined || mdat === undefined) throw new Error('not an image with one item');
  const properties = child(picture, child(picture, meta, 'iprp', 4), 'ipco');
  const configuration = parts(picture, properties.payload, properties.end).find(({ type }) =>
    ['av1C', 'hvcC'].includes(type),
  );
  const extent = child(picture, properties, 'ispe');
  if (configuration === undefined) throw new Error('the file has no decoder configuration');
  const codec = configuration.type === 'av1C' ? 'av01' : 'hvc1';
  const [width, height] = [picture.readUInt32BE(extent.payload + 4), picture.readUInt32BE(extent.payload + 8)];
  const data = picture.subarray(mdat.payload, mdat.end);
  const tiles = rows * columns;
  const claimed = options.claimed ?? { width: width * columns, height: height * rows };
  const references = options.references ?? Array.from({ length: tiles }, (_, i) => i + 2);
  const descriptor = Buffer.concat([u8(0, 1, rows - 1, columns - 1), u32(claimed.width, claimed.height)]);
  const items = Array.from({ length: tiles }, (_, i) => i + 2);

  const metaBox = (offset: number): Buffer =>
    full(
      'meta',
      0,
      0,
      full('hdlr', 0, 0, u32(0), Buffer.from('pict', 'latin1'), Buffer.alloc(13)),
      full('pitm', 0, 0, u16(1)),
      full(
        'iloc',
        1,
        0,
        u16(0x4400, tiles + 1),
        // The descriptor lies in idat, the picture in the file.
        u16(1, 1, 0, 1),
        u32(0, descriptor.length),
        Buffer.concat(items.map((item) => Buffer.concat([u16(item, 0, 0, 1), u32(offset, data.length)]))),
      ),
      full(
        'iinf',
        0,
        0,
        u16(tiles + 1),
        full('infe', 2, 0, u16(1, 0), Buffer.from('grid\0', 'latin1')),
        Buffer.concat(items.map((item) => full('infe', 2, 1, u16(item, 0), Buffer.from(`${codec}\0`, 'latin1')))),
      ),
      full(
        'iref',
        0,
        0,
        box('dimg', u16(1, references.length), u16(...references.map((item) => (item === 0 ? 1 : item)))),
      ),
      box(
        'iprp',
        box(
          'ipco',
          full('ispe', 0, 0, u32(claimed.width, claimed.height)),
          picture.subarray(configuration.start, configuration.end),
          picture.subarray(extent.start, extent.end),
        ),
        full(
          'ipma',
          0,
          0,
          u32(tiles + 1),
          Buffer.concat([u16(1), u8(1, 1)]),
          Buffer.concat(items.map((item) => Buffer.concat([u16(item), u8(2, 0x82, 3)]))),
        ),
      ),
      box('idat', descriptor),
    );
  const head = picture.subarray(ftyp.start, ftyp.end);
  const offset = head.length + metaBox(0).length + 8;
  return Buffer.concat([head, metaBox(offset), box('mdat', data)]);
}
