/** `quintet webhook verify`: one message, from its parts. */
import { readFile } from 'node:fs/promises';
import { verifyWebhook, WebhookVerificationError } from '../../index.js';
import { readAll } from '../../node/chunk-list.js';
import { parse, UsageError } from '../arguments.js';
import type { Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { describeEvent } from './describe-event.js';
import { webhookSecret } from './secret.js';

const options = {
  secret: { type: 'string' },
  id: { type: 'string' },
  timestamp: { type: 'string' },
  signature: { type: 'string' },
  headers: { type: 'string' },
  'any-age': { type: 'boolean' },
} as const;

export async function verify(args: readonly string[], { terminal, env, stdin }: Context): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (positionals.length > 0) throw new UsageError('the body comes on standard input: quintet webhook verify … < body');
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

/** `name: value` lines, as curl -D and most logs write them; names in lower case. */
function parseHeaders(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*([\w-]+):\s*(.*?)\s*$/.exec(line);
    return match === null ? [] : [[match[1]?.toLowerCase() ?? '', match[2] ?? ''] as const];
  });
  return Object.fromEntries(pairs);
}
