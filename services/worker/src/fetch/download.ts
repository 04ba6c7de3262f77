/**
 * The bytes behind an address: GET requests by the guarded client, which judges each address before it connects.
 *
 *   address checked → connecting → waiting for headers → redirect: the next address, from the beginning
 *                                                      → reading the body → the bytes
 *
 * Nothing is trusted: every redirect is checked like the first address, the length that a server announces and the bytes
 * that come are held to the limit, and the first bytes must look right before the rest is read. No cookies, no Referer, no
 * credentials; no compression, as the limit is for the picture itself.
 * Invariant: settles exactly once, soon after `signal` is aborted whatever the server does, and leaves no socket open.
 * Trade-off: a connection per request. Pictures of one host would be sooner with kept connections; they are rarely of one.
 */
import {
  CallError,
  RefusedAddressError,
  checkOutboundUrl,
  parseRetryAfter,
  type Answer,
  type MayConnect,
  type GuardedClient,
} from '@quintet/outbound';
import { ByteCollector } from '@quintet/shared';
import { FetchError } from './fetch-error.js';

export const maxRedirects = 5;

/** So many bytes are looked at before the rest is read: enough for every format's signature and most headers. */
export const headBytes = 4096;

/** Codings that change the bytes: those of IANA's registry. */
const compressions = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'dcz', 'dcb', 'compress', 'x-compress']);

const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308];

export interface DownloadSettings {
  readonly client: GuardedClient;
  readonly mayConnect?: MayConnect;
  readonly allowPrivateHosts: boolean;
  readonly maxBytes: number;
  readonly userAgent: string;
  /** Throws where what begins like this need not be read to its end. */
  readonly checkHead: (head: Buffer) => void;
}

/**
 * Reads what is at `address`, through at most `maxRedirects` redirects. Rejects with FetchError, with what `checkHead`
 * throws, or with the reason of `signal`.
 */
export async function download(address: string, settings: DownloadSettings, signal: AbortSignal): Promise<Buffer> {
  let url = checked(address, settings, 'The image cannot be fetched from this image_url');
  for (let redirects = 0; ; redirects += 1) {
    const answer = await get(url, settings, signal);
    if (Buffer.isBuffer(answer)) return answer;
    if (redirects === maxRedirects) {
      throw new FetchError('image_url_redirects', `The address redirects more than ${maxRedirects} times.`);
    }
    url = checked(answer.location, settings, `${url.host} redirects to an address that is not allowed`, url);
  }
}

function checked(address: string, settings: DownloadSettings, what: string, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base) : undefined;
  const refused = url === undefined ? 'it is not a URL' : checkOutboundUrl(url, settings.allowPrivateHosts);
  if (url === undefined || refused !== undefined) throw new FetchError('image_url_refused', `${what}: ${refused}.`);
  return url;
}

/** One request: the body of a 200, or where else to look. */
async function get(url: URL, settings: DownloadSettings, signal: AbortSignal): Promise<Buffer | { location: string }> {
  const { client, mayConnect, userAgent, maxBytes } = settings;
  const headers = { 'user-agent': userAgent, accept: 'image/*', 'accept-encoding': 'identity' };
  try {
    const answer = await client.call(url, { headers, signal, ...(mayConnect && { mayConnect }) });
    try {
      const location = judge(answer, url, maxBytes);
      return location === undefined ? await collect(answer, url, settings) : { location };
    } finally {
      answer.close();
    }
  } catch (error) {
    throw error instanceof CallError ? connectionError(url, error) : error;
  }
}

/** By the status and the headers: the address of a redirect, or undefined where the body is to be read. Throws otherwise. */
function judge({ status, headers }: Answer, url: URL, maxBytes: number): string | undefined {
  const location = first(headers['location']);
  if (redirectStatuses.includes(status) && location !== undefined) return inAscii(location);
  if (status !== 200) {
    const again = status === 429 || status >= 500;
    throw new FetchError(
      'image_url_status',
      `${url.host} answered ${status}, not 200.`,
      again ? { retryAfterSeconds: parseRetryAfter(first(headers['retry-after']), new Date()) } : undefined,
    );
  }
  const compression = compressionOf([headers['content-encoding'] ?? ''].flat());
  if (compression !== undefined) {
    throw new FetchError(
      'image_format_unsupported',
      `${url.host} sent the image compressed with ${compression}, though it was asked for no compression. Store the image there as it is.`,
    );
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(url, maxBytes);
  return undefined;
}

/**
 * The first real compression that `Content-Encoding` names. Any other word there is ignored, as browsers and curl do: S3 stores what
 * the uploader said, such as `aws-chunked`, `base64`, `binary` or `utf-8`, beside bytes that are as they were.
 */
function compressionOf(lines: readonly string[]): string | undefined {
  const codings = lines.flatMap((line) => line.split(',')).map((coding) => coding.trim().toLowerCase());
  return codings.find((coding) => compressions.has(coding));
}

const first = (header: string | string[] | undefined): string | undefined => [header].flat()[0];

/**
 * An address with its other bytes escaped, as browsers do with a `Location` that is not ASCII. Node gives each byte as a character;
 * the URL parser would take those for characters, not for the UTF-8 that they are.
 */
function inAscii(location: string): string {
  return location.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function collect(answer: Answer, url: URL, { maxBytes, checkHead }: DownloadSettings): Promise<Buffer> {
  const collector = new ByteCollector(maxBytes);
  let headSeen = false;
  for await (const chunk of answer.body) {
    if (!collector.push(chunk)) throw tooLarge(url, maxBytes);
    if (headSeen || collector.size < headBytes) continue;
    headSeen = true;
    checkHead(collector.bytes());
  }
  return collector.bytes();
}

function tooLarge(url: URL, maxBytes: number): FetchError {
  return new FetchError(
    'image_url_too_large',
    `What ${url.host} sends has more than the ${maxBytes} bytes that are accepted.`,
  );
}

function connectionError(url: URL, error: CallError): FetchError {
  if (error instanceof RefusedAddressError) {
    const detail = `The image cannot be fetched from ${url.host}: it is, or resolves to, an address that is not public.`;
    return new FetchError('image_url_refused', detail);
  }
  return new FetchError('image_url_unreachable', `The connection to ${url.host} failed: ${error.code}.`, {});
}
