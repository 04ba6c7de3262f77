-- KEYS: key. ARGV: the id that has claimed it.
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
