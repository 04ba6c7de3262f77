/** A compiled service as a process of its own, as in production, with its log at hand. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export type ServiceName = 'api' | 'worker' | 'webhooks';
export type LogLine = Readonly<Record<string, unknown>>;

export interface ServiceProcess {
  readonly process: ChildProcess;
  readonly port: number;
  /** `http://127.0.0.1:<port>`: the API, or /health and /metrics of the others. */
  readonly url: string;
  /** What it logged, line by line. */
  readonly lines: readonly LogLine[];
  /** What it wrote to standard error, where nothing should ever come. */
  errors(): string;
  /** Waits for a log line with this message. */
  logged(message: string, timeout?: number): Promise<LogLine>;
  ready(timeout?: number): Promise<void>;
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The sum of a metric over the series that have these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Sends `signal` and resolves to the exit code, or to the signal that ended it. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/**
 * How long tests wait for what must happen. It is no promise of the product, which a busy machine would break: it only ends
 * a test that would wait for nothing. Shorter than Vitest's own limit, whose message says less.
 */
export const patienceMs = 120_000;

/**
 * Waits until `check` stops throwing. It asks ever less often: many tests wait at once, and each question takes some of the
 * cores from what they wait for. Not Vitest's: `npm run fuzz` uses this without it.
 */
export async function eventually<T>(check: () => T | Promise<T>, timeout = patienceMs): Promise<T> {
  const end = performance.now() + timeout;
  for (let pauseMs = 20; ; pauseMs = Math.min(1.3 * pauseMs, 250)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(pauseMs);
    }
  }
}

/** Starts a service with nothing of this process' environment but the PATH; resolves once it listens. */
export async function startService(
  service: ServiceName,
  environment: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const main = fileURLToPath(new URL(`../../services/${service}/dist/main.js`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      // The API has its metrics on its own port where it is given none for them.
      ...(service === 'api' ? {} : { METRICS_PORT: '0' }),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
    process.stderr.write(chunk);
  });
  const lines: LogLine[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as LogLine);
  });
  const logged = async (message: string, timeout = patienceMs): Promise<LogLine> => {
    const find = (): LogLine | undefined => lines.find((line) => line['message'] === message);
    const transcript = (): string => lines.map((line) => JSON.stringify(line)).join('\n');
    const found = await eventually(() => {
      const line = find();
      const ended = child.exitCode !== null || child.signalCode !== null;
      if (line === undefined && !ended) throw new Error(`${service} has not said "${message}":\n${transcript()}`);
      return line;
    }, timeout);
    if (found !== undefined) return found;
    // The last lines may still be in the pipe when the process is gone.
    if (!child.stdout.readableEnded) await once(child.stdout, 'end');
    const last = find();
    if (last !== undefined) return last;
    const how = child.exitCode ?? child.signalCode ?? 'unknown';
    throw new Error(`${service} ended (${how}) before it said "${message}":\n${transcript()}`);
  };
  const listening = await logged('listening').catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const port = Number(listening['port']);
  const url = `http://127.0.0.1:${port}`;
  return {
    process: child,
    port,
    url,
    lines,
    errors: () => errors,
    logged,
    ready: (timeout = patienceMs) =>
      eventually(async () => {
        const response = await fetch(`${url}/health/ready`);
        if (response.status !== 200) throw new Error(`${service} is not ready: ${await response.text()}`);
      }, timeout),
    request: (path, init) => fetch(url + path, init),
    metric: async (name, labels = {}) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => wanted.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    end: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
      const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      child.kill(signal);
      const [code, by] = await exited;
      return code ?? by;
    },
  };
}
