import { errorRegistry, type ErrorCode } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { routes } from './routes.js';

describe('who may send a request', () => {
  it.each([
    ['GET', '/', 'open'],
    ['HEAD', '/health/live', 'open'],
    ['GET', '/health/ready/', 'open'],
    ['GET', '/openapi.json', 'open'],
    ['GET', '/favicon.svg', 'open'],
    ['GET', '/assets/index-0123.js', 'open'],
    ['POST', '/assets/index-0123.js', 'submit'],
    ['GET', '/assetsx', 'read'],
    ['OPTIONS', '/v1/jobs', 'open'],
    ['GET', '/v1/jobs', 'read'],
    ['POST', '/v1/jobs', 'submit'],
    ['POST', '/v1/jobs/', 'submit'],
    ['POST', '/v1/batches', 'submit'],
    ['GET', '/v1/jobs/1', 'read'],
    ['GET', '/v1/jobs/1/events', 'read'],
    ['GET', '/v1/jobs/1/deliveries', 'read'],
    ['GET', '/v1/deliveries', 'read'],
    ['GET', '/v1/models', 'read'],
    ['DELETE', '/v1/jobs/1', 'submit'],
    ['POST', '/v1/deliveries/1/redeliver', 'submit'],
    ['PUT', '/', 'submit'],
    ['GET', '/metrics', 'admin'],
    ['GET', '/metrics/', 'admin'],
    ['HEAD', '/metrics', 'admin'],
    ['GET', '/v1/operations', 'admin'],
    ['GET', '/v1/operations/', 'admin'],
    ['GET', '/whatever/comes', 'read'],
    ['GET', '/health/live/../../v1/models', 'read'],
    ['GET', '/docsx', 'read'],
    ['BREW', '/v1/jobs', 'submit'],
    ['POST', '/models/resnet50', 'submit'],
    ['GET', '/v2', 'open'],
    ['GET', '/v2/health/ready', 'open'],
    ['GET', '/v2/models/resnet50/ready', 'read'],
    ['POST', '/v2/models/resnet50/infer', 'submit'],
  ])('%s %s needs %s', (method, path, scope) => {
    expect(routes.access(method, path).scope).toBe(scope);
  });

  it('knows what brings pictures', () => {
    const addresses = [
      ...['/v1/jobs', '/v1/jobs/', '/v1/batches', '/models/resnet50', '/models/resnet50/'],
      ...['/v2/models/resnet50/infer', '/v2/models/resnet50/versions/1/infer'],
    ];
    expect(addresses.filter((path) => routes.access('POST', path).submits !== true)).toEqual([]);
    expect(routes.access('POST', '/models').submits).toBeFalsy();
    expect(routes.access('POST', '/v2/models/resnet50/infer/more').submits).toBeFalsy();
    expect(routes.access('GET', '/v1/jobs').submits).toBeFalsy();
    expect(routes.access('POST', '/v1/deliveries/1/redeliver').submits).toBeFalsy();
  });
});

describe('how a failure is written', () => {
  it.each([
    ['/', 'application/problem+json', 503],
    ['/v1/jobs', 'application/problem+json', 503],
    ['/nowhere', 'application/problem+json', 503],
    ['*', 'application/problem+json', 503],
    ['/v2x', 'application/problem+json', 503],
    ['/v2', 'application/json', 503],
    ['/v2/', 'application/json', 503],
    ['/v2/nowhere', 'application/json', 503],
    ['/v2/models/resnet50/infer', 'application/json', 503],
    ['/models', 'application/problem+json', 503],
    ['/models/', 'application/json', 429],
    ['/models/resnet50', 'application/json', 429],
    ['/models/resnet50/nowhere', 'application/json', 429],
  ])('at %s as %s, and a full queue is %i', (path, mediaType, status) => {
    const form = routes.errorsAt(path);
    expect([form.mediaType, form.status('queue_full')]).toEqual([mediaType, status]);
  });

  it('is no 503 where clients of Hugging Face would repeat it at once', () => {
    const form = routes.errorsAt('/models/resnet50');
    const statuses = Object.keys(errorRegistry).map((code) => form.status(code as ErrorCode));
    expect(statuses).not.toContain(503);
    expect([form.status('redis_unavailable'), form.status('model_not_found')]).toEqual([502, 404]);
  });
});
