-- The kept answer to a picture; else 1, with the claim to compute it, or 0 where another job has that.
-- KEYS: result, claim. ARGV: job id, claim in ms. A job that was taken over passes its own claim.
local result = redis.call('GET', KEYS[1])
if result then return result end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
