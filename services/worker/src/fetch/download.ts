/**
 * The bytes behind an address: GET requests by node:http or node:https, which ask their agent before every connection.
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
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { checkOutboundUrl, isRefusal, parseRetryAfter, type Agents } from '@quintet/outbound';
import { ByteCollector } from '@quintet/shared';
import { FetchError } from './fetch-error.js';

export const maxRedirects = 5;

/** So many bytes are looked at before the rest is read: enough for every format's signature and most headers. */
export const headBytes = 4096;

/** Codings that change the bytes: those of IANA's registry. */
const compressions = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'dcz', 'dcb', 'compress', 'x-compress']);

const redirectStatuses: readonly (number | undefined)[] = [301, 302, 303, 307, 308];

export interface DownloadSettings {
  readonly agents: Agents;
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
function get(url: URL, settings: DownloadSettings, signal: AbortSignal): Promise<Buffer | { location: string }> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = (secure ? httpsRequest : httpRequest)(url, {
      agent: secure ? settings.agents.https : settings.agents.http,
      headers: { 'user-agent': settings.userAgent, accept: 'image/*', 'accept-encoding': 'identity' },
    });
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      finish();
      request.destroy();
    };
    const fail = (error: unknown): void => {
      settle(() => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason of the signal, as it is
        reject(error);
      });
    };
    const onAbort = (): void => {
      fail(signal.reason);
    };
    signal.addEventListener('abort', onAbort);
    // Stays attached after settling: a socket that is being destroyed may still report an error.
    request.on('error', (error) => {
      fail(connectionError(url, error));
    });
    let answered = false;
    // Of an answer that is none, such as an upgrade, no more than this is heard.
    request.on('close', () => {
      if (!answered) fail(connectionError(url, new Error('it was closed')));
    });
    request.on('response', (response) => {
      answered = true;
      response.on('close', () => {
        fail(connectionError(url, new Error('it was closed')));
      });
      response.on('error', (error) => {
        fail(connectionError(url, error));
      });
      try {
        const location = judge(response, url, settings.maxBytes);
        if (location === undefined) collect(response, url, settings, resolveWith, fail);
        else resolveWith({ location });
      } catch (error) {
        fail(error);
      }
    });
    const resolveWith = (answer: Buffer | { location: string }): void => {
      settle(() => {
        resolve(answer);
      });
    };
    request.end();
  });
}

/** By the status and the headers: the address of a redirect, or undefined where the body is to be read. Throws otherwise. */
function judge({ statusCode, headers }: IncomingMessage, url: URL, maxBytes: number): string | undefined {
  if (redirectStatuses.includes(statusCode) && headers.location !== undefined) return inAscii(headers.location);
  if (statusCode !== 200) {
    const again = statusCode === 429 || (statusCode !== undefined && statusCode >= 500);
    throw new FetchError(
      'image_url_status',
      `${url.host} answered ${statusCode}, not 200.`,
      again ? { retryAfterSeconds: parseRetryAfter(headers['retry-after'], new Date()) } : undefined,
    );
  }
  const compression = compressionOf(headers['content-encoding']);
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
function compressionOf(header = ''): string | undefined {
  const codings = header.split(',').map((coding) => coding.trim().toLowerCase());
  return codings.find((coding) => compressions.has(coding));
}

/**
 * An address with its other bytes escaped, as browsers do with a `Location` that is not ASCII. Node gives each byte as a character;
 * the URL parser would take those for characters, not for the UTF-8 that they are.
 */
function inAscii(location: string): string {
  return location.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

function collect(
  response: IncomingMessage,
  url: URL,
  { maxBytes, checkHead }: DownloadSettings,
  done: (bytes: Buffer) => void,
  fail: (error: unknown) => void,
): void {
  const collector = new ByteCollector(maxBytes);
  let headSeen = false;
  response.on('data', (chunk: Buffer) => {
    if (!collector.push(chunk)) {
      fail(tooLarge(url, maxBytes));
      return;
    }
    if (headSeen || collector.size < headBytes) return;
    headSeen = true;
    try {
      checkHead(collector.bytes());
    } catch (error) {
      fail(error);
    }
  });
  response.on('end', () => {
    done(collector.bytes());
  });
}

function tooLarge(url: URL, maxBytes: number): FetchError {
  return new FetchError(
    'image_url_too_large',
    `What ${url.host} sends has more than the ${maxBytes} bytes that are accepted.`,
  );
}

function connectionError(url: URL, error: NodeJS.ErrnoException): FetchError {
  if (isRefusal(error)) {
    const detail = `The image cannot be fetched from ${url.host}: it is, or resolves to, an address that is not public.`;
    return new FetchError('image_url_refused', detail);
  }
  return new FetchError(
    'image_url_unreachable',
    `The connection to ${url.host} failed: ${error.code ?? error.message}.`,
    {},
  );
}
