/** Forms as clients write them, byte by byte: FormData could not write the half of them. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

export interface Part {
  /** Its header lines, without the line ends. */
  readonly head: readonly string[];
  readonly content: Buffer | string;
}

export const boundary = '----quintet-7MA4YWxkTrZu0gW';

/** A part called `name`; `more` follows it in Content-Disposition. */
export function part(name: string, content: Buffer | string, more = '', ...head: string[]): Part {
  return { head: [`Content-Disposition: form-data; name="${name}"${more}`, ...head], content };
}

export function formOf(parts: readonly Part[]): Buffer {
  const written = parts.map(({ head, content }) =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\n${head.join('\r\n')}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
  );
  return Buffer.concat([...written, Buffer.from(`--${boundary}--\r\n`)]);
}

/** A request with this body, which comes in pieces of `length`. */
export function requestOf(body: Buffer, length = 65_536, type = `multipart/form-data; boundary=${boundary}`) {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += length) pieces.push(body.subarray(at, at + length));
  const stream = Readable.from(pieces);
  return Object.assign(stream, { headers: { 'content-type': type }, complete: true }) as unknown as IncomingMessage;
}
