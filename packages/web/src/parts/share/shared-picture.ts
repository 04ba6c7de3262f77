/**
 * A small picture inside a link: `<bytes in base 36>.<base64url>` of a JPEG.
 *
 * The number in front tells a link that was cut from a whole one. A link comes from strangers, so only what this page itself writes is
 * read: a JPEG of few bytes and few pixels, by its own header, so that no browser is made to decode anything large. It is
 * shown by an <img> alone, which runs nothing.
 */

/** Bytes of a picture in a link that this page makes: with the base64 8 kB, which browsers and most messengers carry. */
export const mostSharedBytes = 6000;
/** What is read is given some room, for links of later versions. */
const mostReadBytes = 12_000;
const mostSide = 512;

export type SharedPicture =
  | { readonly kind: 'picture'; readonly jpeg: Blob }
  /** Part of the link was lost. */
  | { readonly kind: 'cut' }
  /** None that this page would have made. */
  | { readonly kind: 'refused' };

/** `jpeg` as it stands in a link. */
export async function writeSharedPicture(jpeg: Blob): Promise<string> {
  const bytes = new Uint8Array(await jpeg.arrayBuffer());
  const base64 = btoa(String.fromCharCode(...bytes));
  return `${bytes.length.toString(36)}.${base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
}

export function readSharedPicture(text: string): SharedPicture {
  const mostCharacters = Math.ceil((mostReadBytes * 4) / 3) + 8;
  if (text.length > mostCharacters) return { kind: 'refused' };
  const [, length, base64] = /^([0-9a-z]{1,4})(?:\.([\w-]*))?$/.exec(text) ?? [];
  if (length === undefined) return text === '' ? { kind: 'cut' } : { kind: 'refused' };
  const wanted = parseInt(length, 36);
  const bytes = decode(base64 ?? '');
  if (bytes === undefined || bytes.length < wanted) return { kind: 'cut' };
  if (bytes.length > wanted || wanted > mostReadBytes) return { kind: 'refused' };
  const size = jpegSize(bytes);
  if (size === undefined || Math.max(...size) > mostSide || Math.min(...size) < 1) return { kind: 'refused' };
  return { kind: 'picture', jpeg: new Blob([bytes], { type: 'image/jpeg' }) };
}

/** Undefined where a character more or less is needed. */
function decode(base64url: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Width and height in pixels by the frame header (ITU-T T.81, B.2.2); undefined where there is none before the first scan. */
function jpegSize(bytes: Uint8Array<ArrayBuffer>): readonly [width: number, height: number] | undefined {
  const view = new DataView(bytes.buffer);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8 || view.getUint16(bytes.length - 2) !== 0xffd9) return undefined;
  for (let at = 2; at + 9 <= bytes.length;) {
    const marker = view.getUint16(at);
    // Baseline and progressive; the page makes the first, and no browser shows much else.
    if (marker >= 0xffc0 && marker <= 0xffc2) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    if (marker < 0xffc4 || marker === 0xffda || marker === 0xffd9) return undefined;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
