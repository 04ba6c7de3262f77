-- As rate-limiter-flexible's own, but what is refused is not counted. Replies with the count and its time to live in
-- ms.
-- KEYS: counter. ARGV: weight, window in s, limit.
redis.call('SET', KEYS[1], 0, 'EX', ARGV[2], 'NX')
local ttl = redis.call('PTTL', KEYS[1])
if redis.call('GET', KEYS[1]) + ARGV[1] > tonumber(ARGV[3]) then return {ARGV[3] + 1, ttl} end
return {redis.call('INCRBY', KEYS[1], ARGV[1]), ttl}
