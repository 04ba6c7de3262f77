-- Notes a change of a delivery. 0 where it is not as ARGV[11] says, and nothing is changed.
-- KEYS: hash, attempts, then the index of each state in the order of ARGV[13..].
-- ARGV: id, head, state, now, next, entry, attempt, message, kept attempts, ttl in ms, only if: '' | 'known' | 'state
-- updated', most listed, then for each index its state and horizon in ms. An empty string: there is none.
if ARGV[11] == 'known' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
elseif ARGV[11] ~= '' then
  local was = redis.call('HMGET', KEYS[1], 'state', 'updated')
  if (was[1] or '') .. ' ' .. (was[2] or '') ~= ARGV[11] then return 0 end
end
if ARGV[2] ~= '' then redis.call('HSETNX', KEYS[1], 'head', ARGV[2]) end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'updated', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'next', ARGV[5]) else redis.call('HDEL', KEYS[1], 'next') end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'entry', ARGV[6]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'message', ARGV[8]) end
redis.call('PEXPIRE', KEYS[1], ARGV[10])
if ARGV[7] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[7])
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[9]), -1)
end
redis.call('PEXPIRE', KEYS[2], ARGV[10])
for i = 3, #KEYS do
  local state, horizon = ARGV[13 + 2 * (i - 3)], ARGV[14 + 2 * (i - 3)]
  if state == ARGV[3] then
    redis.call('ZADD', KEYS[i], ARGV[4], ARGV[1])
    -- A piece of what is too old, each time: more than comes in.
    local old = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ARGV[4] - horizon, 'LIMIT', 0, 100)
    if #old > 0 then redis.call('ZREM', KEYS[i], unpack(old)) end
    redis.call('ZREMRANGEBYRANK', KEYS[i], 0, -ARGV[12] - 1)
    redis.call('PEXPIRE', KEYS[i], horizon)
  else
    redis.call('ZREM', KEYS[i], ARGV[1])
  end
end
return 1
