/** What a command is given: its terminal, its environment, and the signal that ends it. */
import { Quintet, QuintetError } from '../index.js';
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

/** How long the command tries a request again: a restart of the service, or a queue that drains, may take minutes. */
const retrySeconds = 300;

/**
 * The service that the options or the environment name. It is asked for something first, so that one that is not there, or does not
 * know the key, is told at once, and not after all the patience that one deserves that goes away in the middle of a run. Throws
 * UsageError or QuintetError.
 */
export async function connect(values: ServiceValues, { env, signal, atEnd }: Context): Promise<Quintet> {
  const http = createHttpFetch();
  const patience = numberOf('retry-for', values['retry-for'], { least: 0, most: 86_400, whole: false });
  const url = values.url ?? env['QUINTET_URL'] ?? defaultUrl;
  const client = new Quintet({
    url: parsedUrl(url),
    apiKey: values.key ?? (env['QUINTET_API_KEY'] === '' ? undefined : env['QUINTET_API_KEY']),
    retrySeconds: patience ?? retrySeconds,
    fetch: http.fetch,
  });
  atEnd(async () => {
    await client.settled();
    http.close();
  });
  try {
    await client.models({ signal, retrySeconds: patience ?? 0 });
  } catch (error) {
    if (!(error instanceof QuintetError && error.retryable) || error.code === 'connection_failed') throw error;
  }
  return client;
}

function parsedUrl(text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  throw new UsageError(`"${text}" is no address of a service, such as ${defaultUrl}`);
}
