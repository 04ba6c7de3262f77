-- Ends a batch where all its items have ended: the time of it is written once, its keys stay for `retention` ms from
-- now on, and its id is published on `channel`. True where it ended now: the caller then has the items expire
-- (batch-store.ts).
local function end_batch(batch, items, errors, id, retention, finished_at, channel)
  local total = tonumber(redis.call('HGET', batch, 'total') or '-1')
  local ended = 0
  for _, n in ipairs(redis.call('HMGET', batch, 'succeeded', 'failed', 'canceled', 'expired')) do
    ended = ended + tonumber(n or '0')
  end
  if ended ~= total or redis.call('HSETNX', batch, 'finished_at', finished_at) == 0 then return false end
  redis.call('PEXPIRE', batch, retention)
  redis.call('PEXPIRE', items, retention)
  redis.call('PEXPIRE', errors, retention)
  redis.call('PUBLISH', channel, id)
  return true
end
