/**
 * The life of a service's process: configuration → start → running → draining → exit.
 *
 *   bad configuration        each bad variable on stderr, exit 1, nothing was started
 *   start fails              logged, exit 1
 *   SIGTERM or SIGINT        stop() is given `SHUTDOWN_SECONDS`, after `DRAIN_SECONDS` where there are any; exit 0, or 1 if it was
 *                            not done by then
 *   a second signal          exit at once, 128 + its number
 *   an error nobody caught   logged, exit 1: a state that nobody foresaw must not go on serving
 */
import { constants } from 'node:os';
import { ConfigError, readConfig, type ConfigOf, type Variable } from '../config/variable.js';
import { createLogger, type Logger, type LogLevel } from '../log.js';

type BaseVariables = Record<string, Variable<unknown>> & {
  readonly LOG_LEVEL: Variable<LogLevel>;
  readonly SHUTDOWN_SECONDS: Variable<number>;
};

/** Starts a service and returns what stops it. */
export type StartService<V extends BaseVariables> = (
  config: ConfigOf<V>,
  logger: Logger,
) => Promise<() => Promise<void>>;

export function runService<V extends BaseVariables>(name: string, variables: V, start: StartService<V>): void {
  const config = configOrExit(name, variables);
  const base = config as { LOG_LEVEL: LogLevel; SHUTDOWN_SECONDS: number; DRAIN_SECONDS?: number };
  const logger = createLogger(name, base.LOG_LEVEL);
  const die = (error: unknown, message: string): void => {
    logger.fatal({ error }, message);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => {
    die(error, 'uncaught error');
  });
  process.on('unhandledRejection', (error) => {
    die(error, 'unhandled rejection');
  });

  let stopping = false;
  let stop: (() => Promise<void>) | undefined;
  const shutDown = async (): Promise<void> => {
    const limit = setTimeout(
      () => {
        logger.error({ seconds: base.SHUTDOWN_SECONDS }, 'shutdown took too long; exiting');
        process.exit(1);
      },
      (base.SHUTDOWN_SECONDS + (base.DRAIN_SECONDS ?? 0)) * 1000 + 3000,
    );
    limit.unref();
    await stop?.();
    logger.info('stopped');
    process.exit(0);
  };
  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    logger.info({ signal }, 'stopping');
    shutDown().catch((error: unknown) => {
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
      die(error, 'start failed');
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
