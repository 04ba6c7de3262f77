-- Claims an Idempotency-Key: nil where it is claimed, else what it stands for: state, fingerprint, id, age in ms.
-- KEYS: key. ARGV: fingerprint, id, TTL in ms, the id in whose place it may be claimed ('' for none).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'state', 'fingerprint', 'id', 'claimed_ms')
if known[1] and known[3] ~= ARGV[4] then
  return {known[1], known[2], known[3], now - known[4]}
end
redis.call('HSET', KEYS[1], 'state', 'pending', 'fingerprint', ARGV[1], 'id', ARGV[2], 'claimed_ms', now)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return false
