import { createLogger, problemSchema, Registry, createApiMetrics } from '@quintet/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { createApp, type AppOptions } from './app.js';
import { alwaysAnswered } from './problems.js';
import { routes } from './routes.js';
import { startServer, type ApiServer } from './server.js';

const fail = (): never => {
  throw new Error('secret-of-the-stack');
};

let server: ApiServer | undefined;
afterEach(() => server?.close(1000));

/** An API of which everything fails that a request meets, and the logger with it. */
async function startBroken(): Promise<string> {
  const logger = Object.assign(createLogger('api', 'silent'), { error: fail, warn: fail });
  logger.child = () => logger as never;
  const options = {
    version: '1.0.0',
    logger,
    registry: new Registry(),
    metrics: createApiMetrics(new Registry()),
    jobs: {},
    deliveries: {},
    batches: {},
    models: {},
    authenticate: fail,
    proxies: 0,
  } as unknown as AppOptions;
  const app = alwaysAnswered(createApp(options), (path) => routes.errorsAt(path), logger);
  server = await startServer(app, { host: '127.0.0.1', port: 0, logger });
  return `http://127.0.0.1:${server.port}`;
}

describe('an error handler that fails itself', () => {
  it('still answers as the protocol has it, and tells nothing of the inside', async () => {
    const url = await startBroken();
    for (const path of ['/v1/models', '/nowhere']) {
      const answer = await fetch(url + path);
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      const text = await answer.text();
      const problem = problemSchema.parse(JSON.parse(text));
      expect([answer.status, problem.code, problem.instance]).toEqual([500, 'internal_error', path]);
      expect(problem.request_id).toBe(answer.headers.get('x-request-id'));
      expect(text).not.toContain('secret');
    }
    const body = new Uint8Array(100_000);
    const plain = await fetch(`${url}/models/resnet50`, { method: 'POST', body });
    expect([plain.status, plain.headers.get('content-type')]).toEqual([500, 'application/json; charset=utf-8']);
    expect(await plain.json()).toMatchObject({ code: 'internal_error' });
  });
});
