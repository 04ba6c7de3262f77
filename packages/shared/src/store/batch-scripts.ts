/**
 * The Lua that counts the items of a batch. It stands apart because it runs inside the script that writes a job's outcome
 * (job-store.ts): an item is counted in the same step that decides its end, so never twice and never not.
 */
import { finishedChannel, keyPrefix } from '../queues.js';

/**
 * Ends the batch whose keys begin with `base` where all its items have ended: the time of it is written once, its keys and those
 * of its items stay for the retention period from now on, and whoever waits is told.
 * In: base, retention (ms), finished_at, id (of the batch).
 */
export const endBatchIfDone = `
  local total = tonumber(redis.call('HGET', base, 'total') or '-1')
  local ended = 0
  for _, n in ipairs(redis.call('HMGET', base, 'succeeded', 'failed', 'canceled', 'expired')) do
    ended = ended + tonumber(n or '0')
  end
  if ended == total and redis.call('HSETNX', base, 'finished_at', finished_at) == 1 then
    for _, item in ipairs(redis.call('LRANGE', base .. ':items', 0, -1)) do
      redis.call('PEXPIRE', '${keyPrefix}:job:' .. string.match(item, '^%S+'), retention)
    end
    redis.call('PEXPIRE', base, retention)
    redis.call('PEXPIRE', base .. ':items', retention)
    redis.call('PEXPIRE', base .. ':errors', retention)
    redis.call('PUBLISH', '${finishedChannel}', id)
  end
`;

/**
 * Counts the job KEYS[1] in its batch. In: batch, index, and the finish script's ARGV. A batch that is gone, because it was never
 * sealed or its time is over, counts nothing. The result of an early item is kept as long as the batch is.
 */
export const countInBatch = `
  local base, retention, finished_at, id = '${keyPrefix}:batch:' .. batch, ARGV[2], ARGV[7], batch
  local left = redis.call('PTTL', base)
  if left > 0 then
    if left > tonumber(retention) then redis.call('PEXPIRE', KEYS[1], left) end
    redis.call('HINCRBY', base, ARGV[5], 1)
    if ARGV[6] ~= '' then redis.call('HSETNX', base, 'started_at', ARGV[6]) end
    if ARGV[5] == 'failed' and redis.call('LLEN', base .. ':errors') < 20 then
      redis.call('RPUSH', base .. ':errors', index)
      redis.call('PEXPIRE', base .. ':errors', left)
    end
    ${endBatchIfDone}
  end
`;

// KEYS: batch, items. ARGV: total, time to live in ms, retention in ms, now (ISO), id.
export const sealScript = `
  local base, retention, finished_at, id = KEYS[1], ARGV[3], ARGV[4], ARGV[5]
  if redis.call('EXISTS', base) == 0 then return 0 end
  redis.call('HSET', base, 'total', ARGV[1])
  redis.call('PEXPIRE', base, ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('PEXPIRE', base .. ':errors', ARGV[2])
  ${endBatchIfDone}
  return 1
`;
