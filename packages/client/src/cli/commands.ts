/** The commands by name, and what `quintet --help` says of them. */
import { batch } from './commands/batch.js';
import { classify } from './commands/classify.js';
import { models } from './commands/models.js';
import { status } from './commands/status.js';
import { wait } from './commands/wait.js';
import { webhook } from './commands/webhook.js';
import type { Context } from './context.js';

export interface Command {
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Resolves to the exit code. Throws UsageError, QuintetError, or the signal's reason. */
  readonly run: (args: readonly string[], context: Context) => Promise<number>;
}

export const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries({ classify, batch, wait, status, models, webhook }),
);

export function overview(): string {
  const list = [...commands].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
  return `quintet: what is in this picture?

  quintet classify photo.jpg
  quintet classify photos/ --csv > labels.csv

Commands:
${list.join('\n')}

quintet COMMAND --help says more of each. QUINTET_URL and QUINTET_API_KEY say which service and with which
key, as --url and --key do; without them it is http://localhost:3000, without a key.

Exit codes: 0 all is well; 1 some pictures failed; 2 the command line is wrong; 3 the service cannot be used;
130 interrupted.
`;
}
