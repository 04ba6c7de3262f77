-- KEYS: key. ARGV: the id that has claimed it.
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('HSET', KEYS[1], 'state', 'done') end
