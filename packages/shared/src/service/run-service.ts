/**
 * The life of a service's process: configuration → start → running → draining → exit.
 *
 *   bad configuration        each bad variable on stderr, exit 1, nothing was started
 *   start fails              logged, exit 1
 *   SIGTERM or SIGINT        stop() is given `SHUTDOWN_SECONDS`, after `DRAIN_SECONDS` where there are any; exit 0, or a failure if
 *                            it was not done by then
 *   a second signal          the end at once, by that signal (143, 130)
 *   an error nobody caught   logged, a failure: a state that nobody foresaw must not go on serving
 *
 * A failure is exit code 1. Where threads of the service run native code it is the end by SIGKILL, after the line in the log that says
 * why, and so is a signal while it starts the end by that signal: `process.exit()` must not interrupt them (end-now.ts).
 */
import { ConfigError, readConfig, type ConfigOf, type Variable } from '../config/variable.js';
import { createLogger, type Logger, type LogLevel } from '../log.js';
import { endNow } from './end-now.js';

type BaseVariables = Record<string, Variable<unknown>> & {
  readonly LOG_LEVEL: Variable<LogLevel>;
  readonly SHUTDOWN_SECONDS: Variable<number>;
};

/** Starts a service and returns what stops it. */
export type StartService<V extends BaseVariables> = (
  config: ConfigOf<V>,
  logger: Logger,
) => Promise<() => Promise<void>>;

export interface ServiceKind {
  readonly name: string;
  /** Whether threads of the service run native code for longer than a moment. */
  readonly nativeThreads?: boolean;
}

export function runService<V extends BaseVariables>(
  { name, nativeThreads = false }: ServiceKind,
  variables: V,
  start: StartService<V>,
): void {
  const config = configOrExit(name, variables);
  const base = config as { LOG_LEVEL: LogLevel; SHUTDOWN_SECONDS: number; DRAIN_SECONDS?: number };
  const logger = createLogger(name, base.LOG_LEVEL);
  const fail = (): never => (nativeThreads ? endNow() : process.exit(1));
  const die = (error: unknown, message: string): void => {
    logger.fatal({ error }, message);
    fail();
  };
  process.on('uncaughtException', (error) => {
    die(error, 'uncaught error');
  });
  process.on('unhandledRejection', (error) => {
    die(error, 'unhandled rejection');
  });

  let stopping = false;
  let stop: (() => Promise<void>) | undefined;
  const shutDown = async (signal: 'SIGTERM' | 'SIGINT'): Promise<void> => {
    const limit = setTimeout(
      () => {
        logger.fatal({ seconds: base.SHUTDOWN_SECONDS }, 'shutdown took too long; exiting');
        fail();
      },
      (base.SHUTDOWN_SECONDS + (base.DRAIN_SECONDS ?? 0)) * 1000 + 3000,
    );
    limit.unref();
    if (stop === undefined && nativeThreads) endNow(signal);
    await stop?.();
    logger.info('stopped');
    process.exit(0);
  };
  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (stopping) endNow(signal);
    stopping = true;
    logger.info({ signal }, 'stopping');
    shutDown(signal).catch((error: unknown) => {
      die(error, 'shutdown failed');
    });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  start(config, logger).then(
    (started) => {
      stop = started;
    },
    (error: unknown) => {
      logger.fatal({ error }, 'start failed');
      process.exit(1);
    },
  );
}

function configOrExit<V extends Record<string, Variable<unknown>>>(name: string, variables: V): ConfigOf<V> {
  try {
    return readConfig(variables, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.problems) process.stderr.write(`quintet ${name}: ${line}\n`);
    process.exit(1);
  }
}
