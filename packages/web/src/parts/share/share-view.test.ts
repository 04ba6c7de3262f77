import { describe, expect, it } from 'vitest';
import { parseRoute } from '../../app/router.js';
import { isReachableByOthers, resultLink, whyNoResult } from './share-view.js';

const id = '0198c9a2-1f7e-4c3b-9d51-0a1b2c3d4e5f';

describe('a link to a result', () => {
  it.each(['https://example.com/', 'http://10.0.0.7:3000/', 'https://example.com/quintet/', 'http://[::1]:3000/a/b/'])(
    'is below %s, and leads to the result',
    (page) => {
      const link = resultLink(new URL(`${page}?x=1#/operations`), id);
      expect(link).toBe(`${page}#/jobs/${id}`);
      expect(parseRoute(new URL(link).hash)).toEqual({ view: 'job', id });
      const more = resultLink(new URL(page), id, '3.AB-_');
      expect(parseRoute(new URL(more).hash)).toEqual({ view: 'job', id, picture: '3.AB-_' });
    },
  );

  it('is for others only where they can follow it', () => {
    const hosts = [
      'localhost',
      '127.0.0.1',
      '127.8.9.1',
      '[::1]',
      'a.localhost',
      'example.com',
      '10.0.0.7',
      'localhost.de',
    ];
    const own = hosts.filter((host) => !isReachableByOthers(new URL(`http://${host}/`).hostname));
    expect(own).toEqual(['localhost', '127.0.0.1', '127.8.9.1', '[::1]', 'a.localhost']);
  });

  it('that leads nowhere is explained, and other problems are left as they are', () => {
    expect(whyNoResult('job_not_found')?.text).toContain('for a while only');
    expect(whyNoResult('job_id_invalid')?.title).toContain('not complete');
    expect(whyNoResult('rate_limited')).toBeUndefined();
  });
});
