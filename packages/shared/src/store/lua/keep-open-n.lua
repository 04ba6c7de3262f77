-- Lets jobs count as long as their records are kept. A job without a record gets none from here.
-- KEYS: set, jobs…. ARGV: score, life of the set in ms, ids….
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('HSET', KEYS[i], 'open', KEYS[1])
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i + 1])
  end
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
