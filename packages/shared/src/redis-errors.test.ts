import { describe, expect, it } from 'vitest';
import { isRedisFull, isRedisUnavailable } from './redis-errors.js';

const aborted = (...previousErrors: Error[]) =>
  Object.assign(new Error('EXECABORT Transaction discarded because of previous errors.'), { previousErrors });
const oom = new Error("OOM command not allowed when used memory > 'maxmemory'.");
const misconf = new Error('MISCONF Errors writing to the AOF file: No space left on device');

describe('isRedisUnavailable', () => {
  it.each([
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    new Error('Connection is closed.'),
    new Error('Command aborted due to connection close'),
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    new Error('Unknown RESP type 72 "H". Please report this.'),
    oom,
    misconf,
    new Error("READONLY You can't write against a read only replica."),
    new Error('NOREPLICAS Not enough good replicas to write.'),
    new Error('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'),
    new Error('ERR max number of clients reached'),
    new Error('EXECABORT Transaction discarded because of: MISCONF Errors writing to the AOF file: No space left'),
    aborted(misconf),
    // Redis 6.2.
    new Error("ERR Error running script (call to f_0123): @user_script:9: @user_script: 9: -READONLY You can't write"),
    new Error('Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down'),
  ])('tells a Redis that cannot be used now: $message', (error) => {
    expect(isRedisUnavailable(error)).toBe(true);
  });

  it.each([
    new Error('WRONGTYPE Operation against a key holding the wrong kind of value'),
    new Error('BUSYGROUP Consumer Group name already exists'),
    new Error('ERR Error running script (call to f_0123): @user_script:9: attempt to index a nil value'),
    aborted(new Error('ERR wrong number of arguments')),
    new DOMException('This operation was aborted', 'AbortError'),
    'text',
  ])('from a mistake of ours: %s', (error) => {
    expect(isRedisUnavailable(error)).toBe(false);
  });
});

describe('isRedisFull', () => {
  it('finds it in a script and in a transaction', () => {
    for (const error of [oom, aborted(oom), new Error(`ERR Error running script (call to f_0): -${oom.message}`)]) {
      expect(isRedisFull(error)).toBe(true);
    }
    expect(isRedisFull(aborted(misconf))).toBe(false);
  });
});
