/** What a command is given: its terminal, its environment, and the signal that ends it. */
import { Quintet } from '../index.js';
import { createHttpFetch } from '../node/index.js';
import { numberOf, UsageError } from './arguments.js';
import type { Terminal } from './output/terminal.js';

export interface Context {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
  /** Aborts with Interrupted. */
  readonly signal: AbortSignal;
  /** Run before the command ends, however it does. */
  readonly atEnd: (clean: () => void | Promise<void>) => void;
}

/** The user pressed Ctrl-C, or the reader of stdout went away. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly by: 'signal' | 'closed output') {
    super(`interrupted by ${by}`);
  }
}

export const defaultUrl = 'http://localhost:3000';

export interface ServiceValues {
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  readonly 'retry-for'?: string | undefined;
}

/** The service that the options or the environment name. Throws UsageError. */
export function connect(values: ServiceValues, { env, atEnd }: Context): Quintet {
  const http = createHttpFetch();
  const url = values.url ?? env['QUINTET_URL'] ?? defaultUrl;
  const client = new Quintet({
    url: parsedUrl(url),
    apiKey: values.key ?? (env['QUINTET_API_KEY'] === '' ? undefined : env['QUINTET_API_KEY']),
    retrySeconds: numberOf('retry-for', values['retry-for'], { least: 0, most: 86_400, whole: false }),
    fetch: http.fetch,
  });
  atEnd(async () => {
    await client.settled();
    http.close();
  });
  return client;
}

function parsedUrl(text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  throw new UsageError(`"${text}" is no address of a service, such as ${defaultUrl}`);
}
