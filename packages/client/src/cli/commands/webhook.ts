/**
 * `quintet webhook`: a receiver for development, which says why it refuses, and the check of one message from its
 * parts.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { formatScore, verifyWebhook, WebhookVerificationError, type WebhookEvent } from '../../index.js';
import { ChunkList, readAll } from '../../node/chunk-list.js';
import { numberOf, UsageError, type Parsed } from '../arguments.js';
import { command, type Command } from '../command.js';
import type { Context } from '../context.js';
import { exitCodes } from '../failures.js';
import type { Flags } from '../flags.js';
import { printable, printableJson } from '../output/printable.js';

const listenFlags = {
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

async function runListen({ values }: Parsed<typeof listenFlags>, { terminal, env, signal }: Context): Promise<number> {
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

const listen = command('webhook listen', {
  summary: 'receive webhooks on this machine, verify and print them',
  about: 'Receives webhooks on this machine, verifies them and prints them, until Ctrl-C.',
  flags: listenFlags,
  examples: [
    'quintet webhook listen --secret "$WEBHOOK_SECRET"',
    `curl --json '{"webhook_url": "http://localhost:4000/"}' http://localhost:3000/v1/webhooks/test`,
  ],
  run: runListen,
});

const verifyFlags = {
  secret: { type: 'string', short: 's', value: 'whsec_…', help: 'as the service has it (WEBHOOK_SECRET)' },
  id: { type: 'string', value: 'ID', help: 'the header webhook-id' },
  timestamp: { type: 'string', value: 'SECONDS', help: 'the header webhook-timestamp' },
  signature: { type: 'string', value: 'v1,…', help: 'the header webhook-signature' },
  headers: {
    type: 'string',
    value: 'FILE',
    takes: 'file',
    help: 'a file of "name: value" lines with the three of them',
  },
  'any-age': {
    type: 'boolean',
    help: 'also a message older than five minutes, which a receiver must refuse',
  },
} as const satisfies Flags;

async function runVerify({ values }: Parsed<typeof verifyFlags>, { terminal, env, stdin }: Context): Promise<number> {
  const secret = await webhookSecret(values.secret, env);
  const lines = values.headers === undefined ? {} : parseHeaders(await readFile(values.headers, 'utf8'));
  const headers = {
    'webhook-id': values.id ?? lines['webhook-id'],
    'webhook-timestamp': values.timestamp ?? lines['webhook-timestamp'],
    'webhook-signature': values.signature ?? lines['webhook-signature'],
  };
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) throw new UsageError(`${name} is missing: give --${name.slice(8)}, or --headers FILE`);
  }
  const body = await readAll(stdin as AsyncIterable<Buffer>);
  const timestamp = Number(headers['webhook-timestamp']);
  const now = values['any-age'] === true && Number.isFinite(timestamp) ? timestamp * 1000 : Date.now();
  try {
    const event = await verifyWebhook(headers, body, secret, { now });
    await terminal.print(`${terminal.colours.green('genuine')}  ${describeEvent(event)}\n`);
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    terminal.complain(error.message);
    return exitCodes.failed;
  }
}

const verify = command('webhook verify', {
  summary: 'say whether a message is genuine',
  about: 'Says whether a body, exactly as it came on standard input, was signed by whoever has the secret.',
  flags: verifyFlags,
  ends: '0 genuine; 1 not genuine',
  examples: ['quintet webhook verify --secret "$WEBHOOK_SECRET" --headers headers.txt < body.json'],
  run: runVerify,
});

/** `name: value` lines, as curl -D and most logs write them; names in lower case. */
function parseHeaders(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*([\w-]+):\s*(.*?)\s*$/.exec(line);
    return match === null ? [] : [[match[1]?.toLowerCase() ?? '', match[2] ?? ''] as const];
  });
  return Object.fromEntries(pairs);
}

export const webhook: Command = {
  summary: 'listen: receive and verify webhooks; verify: check one',
  about: 'For whoever writes a receiver of webhooks.',
  flags: {},
  subcommands: { listen, verify },
};

/** The secret of webhooks: of the option, the environment, or what `npm start` made in this folder. */
async function webhookSecret(option: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const given = option ?? env['WEBHOOK_SECRET'] ?? (await kept(env));
  if (given === undefined || given.trim() === '') throw new UsageError('give the secret: --secret, or WEBHOOK_SECRET');
  for (const each of given.trim().split(/\s+/)) {
    if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(each)) throw new UsageError('a webhook secret is whsec_ and base64');
  }
  return given;
}

async function kept(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    return await readFile(join(env['DATA_DIR'] ?? '.quintet', 'webhook-secret'), 'utf8');
  } catch {
    return undefined;
  }
}

/** A webhook in a line. */
function describeEvent(event: WebhookEvent): string {
  switch (event.type) {
    case 'webhook.test':
      return printable(`${event.type}  ${event.data.detail}`);
    case 'batch.completed': {
      const { id, total, counts } = event.data;
      return printable(`${event.type}  ${id}  ${counts.succeeded} of ${total} succeeded`);
    }
    case 'job.succeeded':
    case 'job.failed':
    case 'job.canceled':
    case 'job.expired': {
      const { id, predictions, error } = event.data;
      const [best] = predictions ?? [];
      const outcome = best === undefined ? (error?.code ?? '') : `${best.label} ${formatScore(best.score)}`;
      return printable(`${event.type}  ${id}  ${outcome}`.trimEnd());
    }
  }
}
