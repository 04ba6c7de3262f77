/** The part of a picture that is wanted, upright, while its rows come as they are stored. */

export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Stored {
  readonly width: number;
  readonly height: number;
  /** EXIF's, 1 to 8. */
  readonly orientation: number;
}

/** Width and height as shown. */
export function shownSize({ width, height, orientation }: Stored): { width: number; height: number } {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

export class Window {
  /** RGB of the rectangle, rows from the top. */
  readonly data: Uint8Array;
  readonly #stored: Stored;
  /** The rectangle in stored pixels: first column and row, and those behind the last. */
  readonly #x: readonly [number, number];
  readonly #y: readonly [number, number];
  /** Bytes from the pixel (0, 0), and for each column and row as stored. */
  readonly #origin: number;
  readonly #column: number;
  readonly #row: number;

  /** `shown`: in pixels of the picture as it is shown. */
  constructor(stored: Stored, shown: Rectangle) {
    const { width, height, orientation } = stored;
    this.#stored = stored;
    this.data = new Uint8Array(shown.width * shown.height * 3);
    const swapped = orientation >= 5;
    // Along each stored axis: whether it runs backwards when shown.
    const backX = [2, 3, 7, 8].includes(orientation);
    const backY = [3, 4, 6, 7].includes(orientation);
    const [overX, sizeX] = swapped ? [shown.top, shown.height] : [shown.left, shown.width];
    const [overY, sizeY] = swapped ? [shown.left, shown.width] : [shown.top, shown.height];
    const span = (length: number, from: number, size: number, back: boolean): readonly [number, number] =>
      back ? [length - from - size, length - from] : [from, from + size];
    this.#x = span(width, overX, sizeX, backX);
    this.#y = span(height, overY, sizeY, backY);
    const [stepX, stepY] = swapped ? [3 * shown.width, 3] : [3, 3 * shown.width];
    this.#column = backX ? -stepX : stepX;
    this.#row = backY ? -stepY : stepY;
    const first = (back: boolean, length: number, from: number): number => (back ? length - 1 - from : -from);
    this.#origin = first(backX, width, overX) * stepX + first(backY, height, overY) * stepY;
  }

  /** Whether any of the picture's row `y` is wanted, from column `x` on. */
  wants(x: number, y: number): boolean {
    return y >= this.#y[0] && y < this.#y[1] && x < this.#x[1] && y < this.#stored.height;
  }

  /** `rgb`: pixels of row `y` from column `x` on; those beyond the picture or the rectangle are left out. */
  place(rgb: Uint8Array, x: number, y: number): void {
    if (!this.wants(x, y)) return;
    const from = Math.max(x, this.#x[0]);
    const end = Math.min(x + rgb.length / 3, this.#x[1]);
    if (end <= from) return;
    let to = this.#origin + from * this.#column + y * this.#row;
    const pixels = rgb.subarray(3 * (from - x), 3 * (end - x));
    if (this.#column === 3) {
      this.data.set(pixels, to);
      return;
    }
    for (let at = 0; at < pixels.length; at += 3, to += this.#column) {
      this.data[to] = pixels[at] ?? 0;
      this.data[to + 1] = pixels[at + 1] ?? 0;
      this.data[to + 2] = pixels[at + 2] ?? 0;
    }
  }
}
