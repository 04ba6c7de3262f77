-- The jobs that ended in the last two minutes: Redis' time in s, and the strings.
-- KEYS: the two strings of ended jobs.
return {tonumber(redis.call('TIME')[1]), unpack(redis.call('MGET', KEYS[1], KEYS[2]))}
