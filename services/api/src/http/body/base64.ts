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
  /** `name` is the member that is decoded, for errors. */
  constructor(private readonly name = 'image_base64') {}

  readonly #chunks: Buffer[] = [];
  /** The last one to four characters so far: only they may be followed by the end, and so hold padding. */
  #tail = '';

  /** Takes the next characters. */
  push(piece: string): void {
    const text = this.#tail + (/[\r\n]/.test(piece) ? piece.replaceAll(/[\r\n]+/g, '') : piece);
    const whole = Math.max(0, Math.floor((text.length - 1) / 4) * 4);
    this.#tail = text.slice(whole);
    if (whole === 0) return;
    const bytes = Buffer.from(text.slice(0, whole), 'base64');
    // Whatever is not in the alphabet makes fewer bytes.
    if (bytes.length !== (whole / 4) * 3) throw this.#wrong();
    this.#chunks.push(bytes);
  }

  end(): Buffer {
    const tail = this.#tail.replace(/={1,2}$/, '');
    if (!/^[A-Za-z0-9+/_-]*$/.test(tail)) throw this.#wrong();
    const padded = tail.length !== this.#tail.length;
    if (tail.length % 4 === 1 || (padded && this.#tail.length !== 4)) {
      throw new Base64Error(`${this.name} ends in the middle of a byte`);
    }
    return Buffer.concat([...this.#chunks, Buffer.from(tail, 'base64')]);
  }

  #wrong(): Base64Error {
    return new Base64Error(`${this.name} has a character that is not base64`);
  }
}
