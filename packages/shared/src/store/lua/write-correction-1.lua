-- Corrects a job that has ended; 0 where it has not. A hash that this made would never expire.
-- KEYS: job. ARGV: the correction, or '' to take it back, which frees memory, so that a Redis that is full allows it.
if redis.call('HEXISTS', KEYS[1], 'outcome') == 0 then return 0 end
if ARGV[1] == '' then redis.call('HDEL', KEYS[1], 'correction')
else redis.call('HSET', KEYS[1], 'correction', ARGV[1]) end
return 1
