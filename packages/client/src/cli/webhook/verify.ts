/** `quintet webhook verify`: one message, from its parts. */
import { readFile } from 'node:fs/promises';
import { verifyWebhook, WebhookVerificationError } from '../../index.js';
import { readAll } from '../../node/chunk-list.js';
import { UsageError, type Parsed } from '../arguments.js';
import { command } from '../command.js';
import type { Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import type { Flags } from '../flags.js';
import { describeEvent } from './describe-event.js';
import { webhookSecret } from './secret.js';

const flags = {
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

async function run({ values }: Parsed<typeof flags>, { terminal, env, stdin }: Context): Promise<number> {
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

export const verify = command('webhook verify', {
  summary: 'say whether a message is genuine',
  about: 'Says whether a body, exactly as it came on standard input, was signed by whoever has the secret.',
  flags,
  ends: '0 genuine; 1 not genuine',
  examples: ['quintet webhook verify --secret "$WEBHOOK_SECRET" --headers headers.txt < body.json'],
  run,
});

/** `name: value` lines, as curl -D and most logs write them; names in lower case. */
function parseHeaders(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*([\w-]+):\s*(.*?)\s*$/.exec(line);
    return match === null ? [] : [[match[1]?.toLowerCase() ?? '', match[2] ?? ''] as const];
  });
  return Object.fromEntries(pairs);
}
