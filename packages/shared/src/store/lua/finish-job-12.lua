-- Ends a job that has not ended: an outcome is written once. Replies 'finished', 'finished_batch' (its batch has ended
-- with it), 'already_finished' or 'unknown_job'; or {open, batch}, what the job belongs to, where the caller did not
-- know. Nothing is changed then, and the caller asks again with these keys.
--
-- KEYS: job, image, deadlines, outbox, the two strings of ended jobs, open jobs of its client, batch, items and errors
-- of the batch, answer, claim. In the place of a key that the job does not have is one that is never there.
-- ARGV: outcome, retention in ms, id, channel, status, started_at or '', finished_at, record among those that ended,
-- heat map or '', batch or '', answer or '', its time to live in ms.
--
-- include count-ended
-- include end-batch

local outcome, open, batch, index, notify =
  unpack(redis.call('HMGET', KEYS[1], 'outcome', 'open', 'batch', 'index', 'notify'))
if not outcome and ((open and open ~= KEYS[7]) or (batch and batch ~= ARGV[10])) then
  return {open or '', batch or ''}
end

-- The image goes first: a Redis that is full refuses a script whose first write needs memory, and lets one go on whose
-- first write frees some. Otherwise no job could end while it is full, and no image would make room.
redis.call('UNLINK', KEYS[2])
-- An answer is right whether its job has been canceled meanwhile or not.
if ARGV[11] ~= '' then
  redis.call('SET', KEYS[11], ARGV[11], 'PX', ARGV[12])
  if redis.call('GET', KEYS[12]) == ARGV[3] then redis.call('UNLINK', KEYS[12]) end
end
if outcome then return 'already_finished' end
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown_job' end
redis.call('HSET', KEYS[1], 'outcome', ARGV[1])
if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'explanation', ARGV[9]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
-- A deadline is done with, unless it was what ended the job.
if ARGV[5] ~= 'expired' then redis.call('ZREM', KEYS[3], ARGV[3]) end
-- The client may have one more job now (open-jobs.ts).
if open then redis.call('ZREM', KEYS[7], ARGV[3]) end
redis.call('PUBLISH', ARGV[4], ARGV[3] .. ' ' .. ARGV[1])
count_ended(KEYS[5], KEYS[6], ARGV[8])
if notify then redis.call('LPUSH', KEYS[4], ARGV[3] .. ' ' .. notify) end

-- A batch that is gone, because it was never sealed or its time is over, counts nothing.
local left = batch and redis.call('PTTL', KEYS[8]) or 0
if left <= 0 then return 'finished' end
-- The batch may end as late as that, and its items are kept as long as it is.
redis.call('PEXPIRE', KEYS[1], left + ARGV[2])
redis.call('HINCRBY', KEYS[8], ARGV[5], 1)
if ARGV[6] ~= '' then redis.call('HSETNX', KEYS[8], 'started_at', ARGV[6]) end
if ARGV[5] == 'failed' and redis.call('LLEN', KEYS[10]) < 20 then
  redis.call('RPUSH', KEYS[10], index)
  redis.call('PEXPIRE', KEYS[10], left)
end
return end_batch(KEYS[8], KEYS[9], KEYS[10], batch, ARGV[2], ARGV[7], ARGV[4]) and 'finished_batch' or 'finished'
