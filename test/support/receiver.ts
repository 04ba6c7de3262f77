/** A webhook receiver that trusts nobody: it verifies every request by the text of Standard Webhooks, with nothing of the sender's code. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testBodySchema, webhookBodySchema, type TestBody, type WebhookBody } from '@quintet/shared';

/** A webhook that arrived, after its signature was found good. */
export interface Received {
  readonly id: string;
  readonly timestamp: number;
  readonly body: WebhookBody | TestBody;
  readonly raw: Buffer;
  readonly headers: IncomingMessage['headers'];
}

/** How to answer the attempt of that number, from 1. */
export type Answer = (response: ServerResponse, attempt: number) => void;

/** Throws if anything is wrong. */
function verify(secret: string, headers: IncomingMessage['headers'], raw: Buffer): Received {
  const id = String(headers['webhook-id']);
  const timestamp = Number(headers['webhook-timestamp']);
  if (!(Math.abs(Date.now() / 1000 - timestamp) <= 300)) throw new Error('the timestamp is out of tolerance');
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(raw).digest();
  const good = String(headers['webhook-signature'])
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice(3), 'base64'))
    .some((mac) => mac.length === expected.length && timingSafeEqual(mac, expected));
  if (!good) throw new Error('the signature is wrong');
  const body = webhookBodySchema.or(testBodySchema).parse(JSON.parse(raw.toString()));
  return { id, timestamp, body, raw, headers };
}

export interface Receiver {
  readonly port: number;
  /** Requests whose signature, timestamp or body was wrong. */
  readonly refused: number;
  /** What arrived at an address, in order. */
  at(id: string): readonly Received[];
  /** An address of its own, and how to answer there; 204 where nothing is said. */
  expectAt(id: string, answer?: Answer): string;
  stop(): void;
}

/** A plain HTTP server on a free port of 127.0.0.1. */
export async function startReceiver(secret: string): Promise<Receiver> {
  const answers = new Map<string, Answer>();
  const arrived = new Map<string, Received[]>();
  let refused = 0;
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A sender that is killed in the middle is no fault of the receiver.
    request.on('error', () => undefined);
    request.on('end', () => {
      const here = arrived.get(path) ?? [];
      arrived.set(path, here);
      try {
        here.push(verify(secret, request.headers, Buffer.concat(chunks)));
      } catch (error) {
        refused += 1;
        response.writeHead(401).end(String(error));
        return;
      }
      (answers.get(path) ?? ((reply) => reply.writeHead(204).end()))(response, here.length);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get refused() {
      return refused;
    },
    at: (id) => arrived.get(`/${id}`) ?? [],
    expectAt: (id, answer) => {
      if (answer !== undefined) answers.set(`/${id}`, answer);
      return `http://127.0.0.1:${port}/${id}?token=hidden`;
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
