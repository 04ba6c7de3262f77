import { Writable } from 'node:stream';
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

  it('removes what says who somebody is', () => {
    const headers = { authorization: 'hunter2', 'x-api-key': 'hunter2', cookie: 'hunter2' };
    const text = written((logger) => {
      logger.info(headers, 'a');
      logger.info({ headers }, 'b');
      logger.info({ request: { headers }, user: { password: 'hunter2' }, WEBHOOK_SECRET: 'hunter2' }, 'c');
    });
    expect(text.split('\n')).toHaveLength(4);
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
