/**
 * What one connection of an HTTP server may have under way, and for how long.
 *
 *   open → closing   its client has sent a request ahead of `mostUnanswered` answers, or something that is not HTTP behind
 *                    requests that are; or an answer was the last of its connection (`Connection: close`)
 *   closing → closed what was admitted is answered; what the client still sends is thrown away meanwhile, so that the kernel
 *                    does not reset the connection over an answer that is under way
 *   any → cut        the client has taken nothing of an answer for `stalledMs`, or has gone
 *
 * Node runs every request that it finds in what it has read, and keeps the answers in order until the client takes them: 1400
 * requests of 45 bytes are one read. Invariant: of one connection at most `mostUnanswered` requests run or wait to be taken, and
 * those that are admitted are answered in order and in full. Trade-off: what is sent ahead beyond that is not answered at all,
 * as HTTP allows (RFC 9112 section 9.3.2), and has to be sent again on another connection.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** What clients that pipeline at all do: HTTP/1.1 browsers did four to eight. */
export const mostUnanswered = 16;
/** As long as an event stream waits for its reader: four heartbeats. */
const defaultStalledMs = 60_000;
/** How long a client has to close after us. */
const lingerMs = 2000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** All connections of one server. */
export class Connections {
  readonly #open = new Map<Duplex, Connection>();

  constructor(server: Server, stalledMs: number = defaultStalledMs) {
    server.on('connection', (socket: Socket) => {
      const connection = new Connection(socket);
      this.#open.set(socket, connection);
      socket.once('close', () => {
        this.#open.delete(socket);
        connection.lost();
      });
    });
    const timer = setInterval(() => {
      const now = performance.now();
      for (const connection of this.#open.values()) connection.cutIfStalled(now, stalledMs);
    }, stalledMs / 4).unref();
    server.once('close', () => {
      clearInterval(timer);
    });
  }

  of(socket: Duplex): Connection | undefined {
    return this.#open.get(socket);
  }

  /** Those on which no request has begun. */
  silent(): Socket[] {
    return [...this.#open.values()].filter(({ isUsed }) => !isUsed).map(({ socket }) => socket);
  }

  /** Runs `listener` where its connection has room for the request, whose answer is the `last` of it if that is said. */
  admit(request: IncomingMessage, response: ServerResponse, listener: RequestListener, last = false): void {
    if (this.#open.get(request.socket)?.admits(request, response, last) === true) listener(request, response);
  }
}

export class Connection {
  /** What is admitted and not answered in full, in order. */
  #exchanges: Exchange[] = [];
  #isClosing = false;
  #isUsed = false;
  #taken = 0;
  #takenAt = 0;

  constructor(readonly socket: Socket) {}

  /** Whether a request has begun on it. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  admits(request: IncomingMessage, response: ServerResponse, last: boolean): boolean {
    this.#isUsed = true;
    const before = this.#exchanges.at(-1)?.response;
    const endsBefore = before?.headersSent === true && before.getHeader('Connection') === 'close';
    if (this.#isClosing || endsBefore || this.#exchanges.length >= mostUnanswered) {
      this.#close();
      return false;
    }
    if (last) {
      if (before?.headersSent === false) before.removeHeader('Connection');
      response.setHeader('Connection', 'close');
    }
    const exchange = { request, response };
    this.#exchanges.push(exchange);
    response.once('close', () => {
      this.#forget(exchange);
    });
    return true;
  }

  /**
   * What came is not HTTP, or did not come in time. Undefined where that is no concern any more: answers are under way, after
   * which the connection ends. Otherwise it can be told so, with the response to the request within which it was, if any.
   */
  broken(): { readonly within: ServerResponse | undefined } | undefined {
    const last = this.#exchanges.at(-1);
    const within = last?.request.complete === false && !last.response.writableEnded ? last : undefined;
    if (within !== undefined) this.#forget(within);
    if (this.#exchanges.length === 0 && !this.#isClosing) return { within: within?.response };
    this.#close();
    return undefined;
  }

  /** Node tells this of the response alone whose turn it was. */
  lost(): void {
    for (const { response } of this.#exchanges) {
      if (response.socket !== null || response.writableFinished) continue;
      response.destroy();
      response.emit('close');
    }
  }

  /** Compared are whole writes: less than one in `stalledMs` is not reading. */
  cutIfStalled(now: number, stalledMs: number): void {
    const { bytesWritten, writableLength } = this.socket;
    const taken = bytesWritten - writableLength;
    if (writableLength === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#takenAt = now;
    } else if (now - this.#takenAt >= stalledMs) {
      this.socket.destroy();
    }
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    // Not while Node's parser is at work on what it has read. It listens there, and is given nothing more.
    setImmediate(() => {
      this.socket.removeAllListeners('data').on('data', () => undefined);
    });
    this.#endIfAnswered();
  }

  #forget(exchange: Exchange): void {
    this.#exchanges = this.#exchanges.filter((each) => each !== exchange);
    if (this.#isClosing) this.#endIfAnswered();
  }

  #endIfAnswered(): void {
    if (this.#exchanges.length > 0) return;
    this.socket.end(() => {
      setTimeout(() => this.socket.destroy(), lingerMs).unref();
    });
  }
}
