/**
 * TIFF, decoded by this service itself: strip by strip or tile by tile, so that it is known of each whether all of it was there.
 *
 * libvips, which decodes nearly everything else, returns black for a tile that it cannot decode, and libtiff's warnings reach nobody.
 * The decoders on npm (geotiff 3, utif2 4, tiff 7) lack fax, planes or most kinds of colour, or fill in what is damaged. So
 * layout, samples and the small codecs are read here; deflate is Node's, JPEG and WebP are libvips', ZSTD is zstddec's.
 *
 * Invariant: a crop is returned only if every strip and tile of the picture has been decoded to its last line, also those of
 * which the crop shows nothing. Trade-off: JavaScript takes up to twice the time of libtiff; TIFFs are rare among uploads.
 * Memory: the crop's window, and a strip or tile as far as it is not decoded line by line (tiffMemory in @quintet/images).
 */
import { setImmediate } from 'node:timers/promises';
import { undecodable, type ImageError } from '@quintet/images';
import { CODEC, linesOf, PHOTOMETRIC, readTiff, rowsOf, type TiffPage } from '@quintet/images/tiff';
import type { Crop, SharpLimits } from '../crop-with-sharp.js';
import { decodeTimeout } from '../decode-error.js';
import { axesOf, isTransposed, storedAxes, upright, windowOf, type CropSpec, type Region } from '../geometry.js';
import { resampleWindow } from '../resample.js';
import { toRgb } from './colours.js';
import { chunkPieces, oldJpegPieces, PieceReader } from './decode-chunk.js';
import {
  firstReading,
  nextReading,
  nothingSeen,
  predictorOf,
  sampleReader,
  type Reading,
  type Seen,
} from './samples.js';

/** Lines are read together up to so many bytes. */
const BAND_BYTES = 262_144;
/** Behind the last line, so much is still inflated to compare the checksum. */
const MOST_BEHIND = 1_000_000;

/** Crops the first page. Throws ImageError where it cannot be decoded faithfully. */
export async function cropTiff(bytes: Buffer, spec: CropSpec, limits: SharpLimits): Promise<Crop> {
  const page = readTiff(bytes, limits);
  const { orientation } = page;
  const transposed = isTransposed(orientation);
  const [width, height] = transposed ? [page.height, page.width] : [page.width, page.height];
  const axes = storedAxes(axesOf({ width, height }, spec), orientation);
  const { across, down } = axes;
  const window = new Window(windowOf(axes));
  const pace = new Pace(limits.timeoutMs);
  let reading: Reading | undefined = firstReading(page);
  while (reading !== undefined) {
    const seen = nothingSeen();
    const decoder = new PageDecoder(page, reading, seen, window);
    await decoder.decode(pace, limits.timeoutMs);
    reading = nextReading(page, reading, seen);
  }
  const stored = resampleWindow({ data: window.data, ...window.region }, across, down, transposed);
  return { data: upright(stored, across.length, down.length, orientation), width, height };
}

/** Lines of a strip or tile, of each plane that is needed. */
interface Band {
  /** As they are stored; then, where samples are not stored as bytes, as bytes. */
  readonly stored: readonly Uint8Array[];
  readonly lines: number;
}

class PageDecoder {
  readonly #page: TiffPage;
  readonly #window: Window;
  readonly #lineBytes: number;
  readonly #lineRows: number;
  readonly #read: ReturnType<typeof sampleReader>;
  readonly #undo: ReturnType<typeof predictorOf>;
  readonly #convert: ReturnType<typeof toRgb>;
  /** One line: of one plane, and of all; its pixels. */
  readonly #plane: Uint8Array | Uint16Array;
  readonly #samples: Uint8Array | Uint16Array;
  readonly #stride: number;
  readonly #rgb: Uint8Array;

  constructor(page: TiffPage, reading: Reading, seen: Seen, window: Window) {
    const { codec, photometric, samples, planar, planes, bits, chunks } = page;
    this.#page = page;
    this.#window = window;
    const { bytes, rows } = linesOf(page);
    [this.#lineBytes, this.#lineRows] = [bytes, rows];
    this.#stride = planar ? planes : samples;
    this.#read = sampleReader(page, reading, seen);
    this.#undo = predictorOf(page, planar ? 1 : samples);
    const converted = !planar && photometric === PHOTOMETRIC.ycbcr && convertingCodecs.has(codec);
    this.#convert = toRgb(page, converted ? PHOTOMETRIC.rgb : photometric);
    const Kind = bits > 8 && photometric === PHOTOMETRIC.palette ? Uint16Array : Uint8Array;
    this.#plane = new Kind(planar ? chunks.width : 0);
    this.#samples = new Kind(chunks.width * this.#stride);
    this.#rgb = new Uint8Array(chunks.width * 3);
  }

  async decode(pace: Pace, timeoutMs: number): Promise<void> {
    const { codec, chunks, height } = this.#page;
    if (codec === CODEC.oldJpeg) {
      const readers = [new PieceReader(await oldJpegPieces(this.#page, timeoutMs))];
      await this.#chunk(readers, { left: 0, top: 0, rows: height }, pace);
      return;
    }
    const each = chunks.across * chunks.down;
    for (let index = 0; index < each; index += 1) {
      await pace.step();
      const readers: PieceReader[] = [];
      for (let plane = 0; plane < this.#page.planes; plane += 1) {
        readers.push(new PieceReader(await chunkPieces(this.#page, plane * each + index, timeoutMs)));
      }
      const [column, row] = [index % chunks.across, Math.floor(index / chunks.across)];
      const place = { left: column * chunks.width, top: row * chunks.height, rows: rowsOf(this.#page, index) };
      await this.#chunk(readers, place, pace);
    }
  }

  async #chunk(
    readers: readonly PieceReader[],
    { left, top, rows }: { left: number; top: number; rows: number },
    pace: Pace,
  ): Promise<void> {
    try {
      const lines = Math.ceil(rows / this.#lineRows);
      const most = Math.max(1, Math.min(lines, Math.floor(BAND_BYTES / this.#lineBytes)));
      const memory = readers.map(() => new Uint8Array(most * this.#lineBytes));
      for (let line = 0; line < lines; line += most) {
        const count = Math.min(most, lines - line);
        const stored = memory.map((each) => each.subarray(0, count * this.#lineBytes));
        for (const [i, reader] of readers.entries()) {
          if (!(await reader.fill(stored[i] ?? new Uint8Array(0)))) throw this.#short();
        }
        this.#band({ stored, lines: count }, left, top + line * this.#lineRows);
        await pace.step();
      }
      if (checked.has(this.#page.codec)) for (const reader of readers) await reader.drain(MOST_BEHIND);
    } finally {
      for (const reader of readers) await reader.close();
    }
  }

  #short(): ImageError {
    const what = this.#page.chunks.tiled ? 'tile' : 'strip';
    return undecodable(`A ${what} of the TIFF ends before its last line: it is damaged.`);
  }

  #band({ stored, lines }: Band, left: number, top: number): void {
    const bytes = this.#lineBytes;
    for (let line = 0; line < lines; line += 1) {
      const parts = stored.map((each) => each.subarray(line * bytes, (line + 1) * bytes));
      if (this.#undo !== undefined) for (const part of parts) this.#undo(part);
      const y = top + line * this.#lineRows;
      const [first] = parts;
      if (first === undefined) continue;
      if (this.#lineRows > 1 || this.#page.subsampling.across > 1) this.#subsampled(first, left, y);
      else this.#line(parts, left, y);
    }
  }

  #line(parts: readonly Uint8Array[], left: number, y: number): void {
    const samples = this.#samples;
    const [first] = parts;
    if (first === undefined) return;
    const { colours, planar } = this.#page;
    if (!planar) this.#read(first, samples, this.#stride, colours);
    else {
      for (const [plane, part] of parts.entries()) {
        this.#read(part, this.#plane, 1, plane < colours ? 1 : 0);
        for (let i = 0, to = plane; i < this.#plane.length; i += 1, to += this.#stride)
          samples[to] = this.#plane[i] ?? 0;
      }
    }
    if (!this.#window.wants(left, y)) return;
    this.#convert(samples, this.#rgb, this.#stride);
    this.#window.place(this.#rgb, left, y);
  }

  /** A line of units: as many Y as pixels share chroma, row by row, then Cb and Cr (TIFF 6.0, section 21). */
  #subsampled(line: Uint8Array, left: number, top: number): void {
    const { across, down } = this.#page.subsampling;
    const unit = across * down + 2;
    const width = this.#page.chunks.width;
    const samples = this.#samples;
    for (let row = 0; row < down; row += 1) {
      if (!this.#window.wants(left, top + row)) continue;
      for (let x = 0; x < width; x += 1) {
        const at = Math.floor(x / across) * unit;
        samples[3 * x] = line[at + row * across + (x % across)] ?? 0;
        samples[3 * x + 1] = line[at + unit - 2] ?? 0;
        samples[3 * x + 2] = line[at + unit - 1] ?? 0;
      }
      this.#convert(samples, this.#rgb, 3);
      this.#window.place(this.#rgb, left, top + row);
    }
  }
}

/** Codecs that give RGB of YCbCr. */
const convertingCodecs: ReadonlySet<number> = new Set([CODEC.jpeg, CODEC.oldJpeg, CODEC.webp]);
/** Codecs with a checksum at the end of their data. */
const checked: ReadonlySet<number> = new Set([CODEC.deflate, CODEC.oldDeflate]);

/** The part of a picture that is wanted, while its rows come as they are stored. */
class Window {
  /** RGB of the region, rows from the top. */
  readonly data: Uint8Array;

  constructor(readonly region: Region) {
    this.data = new Uint8Array(region.width * region.height * 3);
  }

  /** Whether any of the picture's row `y` is wanted, from column `x` on. */
  wants(x: number, y: number): boolean {
    const { left, top, width, height } = this.region;
    return y >= top && y < top + height && x < left + width;
  }

  /** `rgb`: pixels of row `y` from column `x` on; those beyond the region are left out. */
  place(rgb: Uint8Array, x: number, y: number): void {
    if (!this.wants(x, y)) return;
    const { left, top, width } = this.region;
    const from = Math.max(x, left);
    const end = Math.min(x + rgb.length / 3, left + width);
    if (end > from) this.data.set(rgb.subarray(3 * (from - x), 3 * (end - x)), 3 * ((y - top) * width + from - left));
  }
}

/** How long a decoder in JavaScript may hold its thread, which has other pictures under way. */
const SLICE_MS = 8;

/** Lets others have their turn, and ends work that has taken too long. */
class Pace {
  readonly #end: number;
  #sliceEnd: number;

  constructor(timeoutMs: number) {
    const now = performance.now();
    this.#end = now + timeoutMs;
    this.#sliceEnd = now + SLICE_MS;
  }

  /** To be called between small pieces of work. Throws `image_decode_timeout`. */
  async step(): Promise<void> {
    if (performance.now() < this.#sliceEnd) return;
    await setImmediate();
    const now = performance.now();
    if (now > this.#end) throw decodeTimeout();
    this.#sliceEnd = now + SLICE_MS;
  }
}
