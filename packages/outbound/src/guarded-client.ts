/**
 * The HTTP client of every call to another server. Each call has connections of its own, which its end or its signal
 * closes: a kept connection that its server closed while idle would cost an attempt, and a pool would be shared by
 * addresses that different clients gave.
 *
 * Where private hosts are not allowed, it connects to public addresses only (outbound-url.ts). An IP literal is judged
 * before it is connected to, since Node looks up no literal. A name is judged in the look-up of the connection itself:
 * the address that was judged is the one that is connected to, so DNS cannot change its mind in between. A name with
 * several addresses is refused if one of them is private.
 */
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, interceptors, type Dispatcher } from 'undici';
import { createLookup } from './name-lookup.js';
import { isPublicAddress } from './outbound-url.js';

/** Asked with the addresses of a name before one of them is connected to. */
export type MayConnect = (addresses: readonly string[]) => boolean;

export interface Call {
  readonly headers: Readonly<Record<string, string>>;
  /** A call with a body is a POST, any other a GET. */
  readonly body?: string;
  /** Ends the call wherever it is, from the look-up of the name to the last byte of the answer. */
  readonly signal: AbortSignal;
  /** Allows every address unless given. Says no for now; the guard says no for good. */
  readonly mayConnect?: MayConnect;
  /** None are followed unless it is given. */
  readonly maxRedirects?: number;
  /** Longest wait for a connection, and then for the headers of the answer; ms. Without it the signal is the limit. */
  readonly connectMs?: number | undefined;
  /** Longest silence within the body of the answer; ms. */
  readonly stallMs?: number | undefined;
}

export interface Answer {
  readonly status: number;
  /** By their names in lower case; a byte of a value is a character. */
  readonly headers: Dispatcher.ResponseData['headers'];
  /** What was sent, not decompressed; can be read once. Fails as the call does. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends the call where the body is not read to its end. */
  readonly close: () => void;
}

/**
 * undici 7.30 ends the process, by a failed assertion, where a connection is closed while its parser is paused. So it is never
 * paused: what has arrived waits in memory for whoever reads it, who must be quick or know how much may come.
 */
const neverPaused = Number.MAX_SAFE_INTEGER;

export class GuardedClient {
  constructor(
    private readonly allowPrivateHosts: boolean,
    private readonly lookup: LookupFunction = createLookup(),
  ) {}

  /** Rejects with CallError, or with the reason of the signal. */
  async call(url: URL, call: Call): Promise<Answer> {
    const { headers, body, signal, maxRedirects: maxRedirections = 0, connectMs = 0, stallMs = 0 } = call;
    signal.throwIfAborted();
    // A socket leaves a listener on its signal: that must be one that goes with the call.
    const ending = new AbortController();
    const end = (): void => {
      ending.abort(signal.reason);
    };
    signal.addEventListener('abort', end);
    const ended = (): void => {
      signal.removeEventListener('abort', end);
    };
    // Without pipelining a connection is closed after its first answer.
    const agent = new Agent({
      connections: 1,
      pipelining: 0,
      headersTimeout: connectMs,
      bodyTimeout: stallMs,
      connect: this.#connector(ending.signal, connectMs, call.mayConnect),
    }).compose(interceptors.redirect({ maxRedirections }));
    const { origin, pathname, search } = url;
    const method = body === undefined ? 'GET' : 'POST';
    const failed = (error: unknown): never => {
      ended();
      signal.throwIfAborted();
      throw error instanceof CallError ? error : new CallError(codeOf(error), { cause: error });
    };
    const answer = await agent
      .request({ origin, path: pathname + search, method, headers, body: body ?? null, highWaterMark: neverPaused })
      .catch(failed);
    // Its error is that of who reads it; where nobody does, it is nobody's.
    answer.body.on('error', () => undefined).once('close', ended);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: chunksOf(answer.body, failed),
      close: () => {
        answer.body.destroy();
      },
    };
  }

  #connector(signal: AbortSignal, timeout: number, mayConnect: MayConnect = () => true): buildConnector.connector {
    const lookup: LookupFunction = (hostname, options, callback) => {
      this.lookup(hostname, options, (error, address, family) => {
        if (error !== null) {
          callback(error, address, family);
          return;
        }
        const found = typeof address === 'string' ? [address] : address.map((each) => each.address);
        if (!found.every((each) => this.#allows(each))) callback(new RefusedAddressError(), '');
        else if (!mayConnect(found)) callback(new CallError('its host is not connected to now'), '');
        else callback(null, address, family);
      });
    };
    const connect = buildConnector({ lookup, signal, timeout, maxCachedSessions: 0 });
    return (options, callback) => {
      const { hostname } = options;
      if (isIP(hostname) !== 0 && !this.#allows(hostname)) callback(new RefusedAddressError(), null);
      else connect(options, callback);
    };
  }

  #allows(address: string): boolean {
    return this.allowPrivateHosts || isPublicAddress(address);
  }
}

async function* chunksOf(body: AsyncIterable<Buffer>, failed: (error: unknown) => never): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    failed(error);
  }
}

/** A call that came to nothing. `code` says why: that of the system, such as ECONNREFUSED, where there is one. */
export class CallError extends Error {
  override readonly name: string = 'CallError';

  constructor(
    readonly code: string,
    options?: ErrorOptions,
  ) {
    super(`the call failed: ${code}`, options);
  }
}

/** The address is not told: who may not connect to a host need not learn what our name servers say of it. */
export class RefusedAddressError extends CallError {
  override readonly name = 'RefusedAddressError';

  constructor() {
    super('its host is, or resolves to, an address that is not public');
  }
}

/** undici's names for a connection that ended too soon. */
const cutCodes = ['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'];

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = error.message } = error as NodeJS.ErrnoException;
  return cutCodes.includes(code) ? 'ECONNRESET' : code;
}

const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3: seconds or an HTTP date); undefined if unreadable. */
export function parseRetryAfter(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  // Date.parse alone takes much that is no HTTP date, such as "1.5" or "-3".
  const date = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now.getTime()) / 1000);
}
