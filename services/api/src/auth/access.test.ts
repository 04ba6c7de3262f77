import { describe, expect, it } from 'vitest';
import { accessOf } from './access.js';

describe('accessOf', () => {
  it.each([
    ['GET', '/', undefined],
    ['HEAD', '/health/live', undefined],
    ['GET', '/health/ready/', undefined],
    ['GET', '/openapi.json', undefined],
    ['GET', '/favicon.svg', undefined],
    ['GET', '/assets/index-0123.js', undefined],
    ['POST', '/assets/index-0123.js', 'submit'],
    ['GET', '/assetsx', 'read'],
    ['OPTIONS', '/v1/jobs', undefined],
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
    ['GET', '/v2', undefined],
    ['GET', '/v2/health/ready', undefined],
    ['GET', '/v2/models/resnet50/ready', 'read'],
    ['POST', '/v2/models/resnet50/infer', 'submit'],
  ])('%s %s needs %s', (method, path, scope) => {
    expect(accessOf(method, path).scope).toBe(scope);
  });

  it('knows what brings pictures', () => {
    const routes = [
      ...['/v1/jobs', '/v1/jobs/', '/v1/batches', '/models/resnet50', '/models/resnet50/'],
      ...['/v2/models/resnet50/infer', '/v2/models/resnet50/versions/1/infer'],
    ];
    expect(routes.filter((path) => !accessOf('POST', path).submits)).toEqual([]);
    expect(accessOf('POST', '/models').submits).toBe(false);
    expect(accessOf('POST', '/v2/models/resnet50/infer/more').submits).toBe(false);
    expect(accessOf('GET', '/v1/jobs').submits).toBe(false);
    expect(accessOf('POST', '/v1/deliveries/1/redeliver').submits).toBe(false);
  });
});
