import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, redactUrl } from './log.js';

/** What a logger writes of `log`. */
function written(log: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  log(createLogger('test', 'info', {}, sink));
  return text;
}

describe('createLogger', () => {
  it('keeps of the command that Redis refused its name only', () => {
    const refused = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      command: { name: 'auth', args: ['hunter2', Buffer.from('hunter2')] },
    });
    const text = written((logger) => {
      logger.warn({ error: refused }, 'one');
      logger.child({ request_id: 'r' }).warn({ error: new Error('outer', { cause: refused }) }, 'two');
      logger.warn({ error: new AggregateError([refused], 'many') }, 'three');
      logger.warn(refused);
    });
    expect(text).toContain('WRONGPASS');
    expect(text).toContain('"command":"auth"');
    expect(text).not.toMatch(/hunter2|104,117,110/);
  });

  it('writes an error that refers to itself, by whatever way', () => {
    const lost = Object.assign(new Error('Reached the max retries per request limit'), { code: 'LOST' });
    // As ioredis leaves it where Redis is lost within a MULTI: all of its commands have failed with the one error.
    Object.assign(lost, { previousErrors: [lost, lost] });
    const many = new AggregateError([lost], 'many');
    many.errors.push(many);
    const ring: Record<string, unknown> = { name: 'ring', list: [] };
    ring['self'] = ring;
    (ring['list'] as unknown[]).push(ring, Object.freeze(new Error('frozen', { cause: many })));
    const caused = new Error('caused');
    caused.cause = new Error('inner', { cause: caused });
    const text = written((logger) => {
      for (const error of [lost, many, caused]) {
        logger.error({ error }, 'under its name');
        logger.error(error);
        logger.error({ reason: { of: [error] } }, 'elsewhere');
      }
      logger.error({ ring, error: ring }, 'no error');
      logger.error(ring, 'no error');
      logger.child(ring).error('of a child');
    });
    const lines = text.trim().split('\n');
    expect(lines).toHaveLength(12);
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      message: 'under its name',
      error: { type: 'Error', message: lost.message, code: 'LOST', previousErrors: ['[above]', '[above]'] },
    });
    expect(JSON.parse(lines[6] ?? '')).toMatchObject({ error: { message: 'caused: inner' } });
  });

  it('writes one line of bounded length of whatever it is given', () => {
    const hostile = (object: Record<string, unknown>, depth: number): object => {
      const parts: Record<string, unknown> = {
        ...object,
        bytes: Buffer.alloc(1_000_000),
        text: 'x'.repeat(1_000_000),
        many: Array.from({ length: 10_000 }, (_, index) => ({ index })),
        big: 1n,
        at: new Date(0),
        act: () => undefined,
        proxy: new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('hostile');
            },
          },
        ),
        toJSONs: {
          toJSON: () => {
            throw new Error('hostile');
          },
        },
      };
      Object.defineProperty(parts, 'getter', {
        enumerable: true,
        get: () => {
          throw new Error('hostile');
        },
      });
      let deep: object = parts;
      for (let i = 0; i < depth; i++) deep = i % 2 === 0 ? { deep, again: parts } : new Error('deep', { cause: deep });
      parts['up'] = deep;
      return deep;
    };
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.nat(3000), fc.boolean(), (object, depth, named) => {
        const value = hostile(object, depth);
        const text = written((logger) => {
          if (named) logger.error({ error: value, err: value, other: value }, 'said');
          else logger.error(value, 'said');
        });
        expect(text.indexOf('\n')).toBe(text.length - 1);
        expect(JSON.parse(text)).toMatchObject({ service: 'test' });
        expect(text.length).toBeLessThan(2_000_000);
      }),
      { numRuns: 60 },
    );
  });

  it('removes what says who somebody is', () => {
    const headers = { authorization: 'hunter2', 'x-api-key': 'hunter2', cookie: 'hunter2' };
    const text = written((logger) => {
      logger.info(headers, 'a');
      logger.info({ headers }, 'b');
      logger.info({ request: { headers }, user: { password: 'hunter2' }, WEBHOOK_SECRET: 'hunter2' }, 'c');
      logger.info({
        error: new Error('d', { cause: Object.assign(new Error('e'), { request: { to: { headers } } }) }),
      });
      logger.child({ one: { two: { three: headers } } }).info('f');
    });
    expect(text.split('\n')).toHaveLength(6);
    expect(text).not.toContain('hunter2');
  });
});

describe('redactUrl', () => {
  it('leaves user and password out', () => {
    expect(redactUrl('rediss://user:hunter2@redis:6380/1')).toBe('rediss://redis:6380/1');
    expect(redactUrl('redis://:hunter2@redis')).toBe('redis://redis');
    expect(redactUrl('hunter2')).not.toContain('hunter2');
  });
});
