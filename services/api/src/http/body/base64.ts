/**
 * Base64 in pieces, so that twenty megabytes of it never hold the event loop.
 *
 * Accepted: the standard and the URL-safe alphabet, padding or none, and line breaks, as MIME encoders add them. Any other
 * character is an error, not skipped as `Buffer.from` does: it hides truncated and mangled uploads.
 */

/** Thrown by Base64Decoder; the message is a sentence for people. */
export class Base64Error extends Error {
  override readonly name = 'Base64Error';
}

export class Base64Decoder {
  readonly #bytes: Buffer;
  #size = 0;
  /** The last one to four characters so far: only they may be followed by the end, and so hold padding. */
  #tail = '';

  /** For at most so many characters; `name` is the member that is decoded, for errors. */
  constructor(
    mostCharacters: number,
    private readonly name = 'image_base64',
  ) {
    // At once, where they stay: a list of pieces would have to be joined, and be there twice.
    this.#bytes = Buffer.allocUnsafeSlow(Math.ceil((3 * mostCharacters) / 4));
  }

  /** Takes the next characters. */
  push(piece: string): void {
    const text = this.#tail + (/[\r\n]/.test(piece) ? piece.replaceAll(/[\r\n]+/g, '') : piece);
    const whole = Math.max(0, Math.floor((text.length - 1) / 4) * 4);
    this.#tail = text.slice(whole);
    if (whole === 0) return;
    const written = this.#bytes.write(text.slice(0, whole), this.#size, 'base64');
    // Whatever is not in the alphabet makes fewer bytes.
    if (written !== (whole / 4) * 3) throw this.#wrong();
    this.#size += written;
  }

  end(): Buffer {
    const tail = this.#tail.replace(/={1,2}$/, '');
    if (!/^[A-Za-z0-9+/_-]*$/.test(tail)) throw this.#wrong();
    const padded = tail.length !== this.#tail.length;
    if (tail.length % 4 === 1 || (padded && this.#tail.length !== 4)) {
      throw new Base64Error(`${this.name} ends in the middle of a byte`);
    }
    this.#size += this.#bytes.write(tail, this.#size, 'base64');
    return this.#bytes.subarray(0, this.#size);
  }

  #wrong(): Base64Error {
    return new Base64Error(`${this.name} has a character that is not base64`);
  }
}
