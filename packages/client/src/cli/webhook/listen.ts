/** `quintet webhook listen`: a receiver for development. It verifies as a receiver should, and says why it refuses. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyWebhook, WebhookVerificationError, type WebhookEvent } from '../../index.js';
import { ChunkList } from '../../node/chunk-list.js';
import { numberOf, parse, UsageError } from '../arguments.js';
import type { Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { printable, printableJson } from '../output/printable.js';
import { describeEvent } from './describe-event.js';
import { webhookSecret } from './secret.js';

const options = {
  secret: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  status: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Bodies are a job of a few kilobytes. */
const mostBytes = 1024 * 1024;
/** Ids that are remembered, to tell repetitions. */
const remembered = 10_000;

export async function listen(args: readonly string[], { terminal, env, signal }: Context): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (positionals.length > 0) throw new UsageError('quintet webhook listen takes options only');
  const port = numberOf('port', values.port, { least: 0, most: 65_535 }) ?? 4000;
  const status = numberOf('status', values.status, { least: 200, most: 599 }) ?? 204;
  const secret = await webhookSecret(values.secret, env);
  const host = values.host ?? '127.0.0.1';
  const attempts = new Map<string, number>();

  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let event: WebhookEvent;
    try {
      event = await verifyWebhook(request.headers, await bodyOf(request), secret);
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      response.writeHead(401).end();
      terminal.complain(`refused ${request.method ?? ''} ${request.url ?? ''}: ${error.message}`);
      return;
    }
    response.writeHead(status).end();
    const id = String(request.headers['webhook-id']);
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    const [oldest] = attempts.keys();
    if (attempts.size > remembered && oldest !== undefined) attempts.delete(oldest);
    await terminal.print(
      values.json === true
        ? `${printableJson({ id, attempt, answered: status, event })}\n`
        : `${describeEvent(event)}${attempt === 1 ? '' : `  (the same again: ${attempt})`}${
            status >= 200 && status < 300 ? '' : `  answered ${status}`
          }\n`,
    );
  };

  const server = createServer((request, response) => {
    receive(request, response).catch((error: unknown) => {
      terminal.complain(error instanceof Error ? error.message : String(error));
      response.writeHead(400).end();
    });
  });
  server.listen(port, host);
  await once(server, 'listening', { signal });
  const { port: listening } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  terminal.tell(printable(`Listening. webhook_url=http://${shown}:${listening}/`));
  terminal.tell(
    'The service calls a private address only where ALLOW_PRIVATE_HOSTS=true; npm start and Compose take it.',
  );
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  server.closeAllConnections();
  return exitCodes.ok;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks = new ChunkList();
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw new WebhookVerificationError(`the body is over ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return chunks.bytes();
}
