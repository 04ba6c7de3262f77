/** `quintet webhook listen`: a receiver for development. It verifies as a receiver should, and says why it refuses. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyWebhook, WebhookVerificationError, type WebhookEvent } from '../../index.js';
import { ChunkList } from '../../node/chunk-list.js';
import { numberOf, type Parsed } from '../arguments.js';
import { command } from '../command.js';
import type { Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import type { Flags } from '../flags.js';
import { printable, printableJson } from '../output/printable.js';
import { describeEvent } from './describe-event.js';
import { webhookSecret } from './secret.js';

const flags = {
  secret: {
    type: 'string',
    short: 's',
    value: 'whsec_…',
    help: 'as the service has it in WEBHOOK_SECRET (WEBHOOK_SECRET; else .quintet/webhook-secret, where npm start keeps its own)',
  },
  port: { type: 'string', short: 'p', value: 'N', help: 'where to listen (4000; 0: any that is free)' },
  host: {
    type: 'string',
    value: 'ADDRESS',
    help: 'on which address (127.0.0.1; 0.0.0.0 for services in containers)',
  },
  status: { type: 'string', value: 'N', help: 'answer with that instead of 204, to see retries' },
  json: { type: 'boolean', short: 'j', help: 'a JSON document a line, with the event whole' },
} as const satisfies Flags;

/** Bodies are a job of a few kilobytes. */
const mostBytes = 1024 * 1024;
/** Ids that are remembered, to tell repetitions. */
const remembered = 10_000;

async function run({ values }: Parsed<typeof flags>, { terminal, env, signal }: Context): Promise<number> {
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

export const listen = command('webhook listen', {
  summary: 'receive webhooks on this machine, verify and print them',
  about: 'Receives webhooks on this machine, verifies them and prints them, until Ctrl-C.',
  flags,
  examples: [
    'quintet webhook listen --secret "$WEBHOOK_SECRET"',
    `curl --json '{"webhook_url": "http://localhost:4000/"}' http://localhost:3000/v1/webhooks/test`,
  ],
  run,
});
