-- Makes a batch exist for clients. Replies 'sealed', 'finished_batch' where all its items have ended, or
-- 'unknown_batch'.
-- KEYS: batch, items, errors. ARGV: total, time to live in ms, retention in ms, now (ISO), id, channel.
--
-- include end-batch

if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown_batch' end
redis.call('HSET', KEYS[1], 'total', ARGV[1])
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return end_batch(KEYS[1], KEYS[2], KEYS[3], ARGV[5], ARGV[3], ARGV[4], ARGV[6]) and 'finished_batch' or 'sealed'
