/** `quintet webhook listen` and `quintet webhook verify`: for whoever writes a receiver. */
import { UsageError } from '../arguments.js';
import type { Command } from '../commands.js';
import type { Context } from '../context.js';
import { listen } from '../webhook/listen.js';
import { verify } from '../webhook/verify.js';

const help = `quintet webhook listen [options]

Receives webhooks on this machine, verifies them and prints them, until Ctrl-C.

  --secret whsec_…    as the service has it in WEBHOOK_SECRET (WEBHOOK_SECRET; else .quintet/webhook-secret, where npm start keeps its own)
  --port N            where to listen (4000; 0: any that is free)
  --host ADDRESS      on which address (127.0.0.1; 0.0.0.0 for services in containers)
  --status N          answer with that instead of 204, to see retries
  --json              a JSON document a line, with the event whole

quintet webhook verify --secret whsec_… [options] < body

Says whether a body, exactly as it came, was signed by whoever has the secret.

  --id, --timestamp, --signature   the headers webhook-id, webhook-timestamp, webhook-signature
  --headers FILE                   or a file of "name: value" lines with them
  --any-age                        also a message older than five minutes, which a receiver must refuse

Exit codes: 0 well, or genuine; 1 not genuine; 2 the command line is wrong.

Examples:
  quintet webhook listen --secret "$WEBHOOK_SECRET"
  curl -d '{"webhook_url": "http://localhost:4000/"}' -H 'Content-Type: application/json' http://localhost:3000/v1/webhooks/test
  quintet webhook verify --secret "$WEBHOOK_SECRET" --headers headers.txt < body.json
`;

async function run([action, ...args]: readonly string[], context: Context): Promise<number> {
  if (action === 'listen') return listen(args, context);
  if (action === 'verify') return verify(args, context);
  throw new UsageError('it is quintet webhook listen, or quintet webhook verify');
}

export const webhook: Command = { summary: 'listen: receive and verify webhooks; verify: check one', help, run };
