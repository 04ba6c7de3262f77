-- Holds places for jobs that are being submitted. Replies with Redis' time in ms, or 0 where there is no room.
-- KEYS: set. ARGV: limit, hold in ms, how many places are still to be had, these among them, ids….
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A piece of those whose time is over; those that stay for now do not count either.
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
if #over > 0 then redis.call('ZREM', KEYS[1], unpack(over)) end
if redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf') + ARGV[3] > tonumber(ARGV[1]) then return 0 end
local places = {}
for i = 4, #ARGV do
  places[#places + 1] = now + ARGV[2]
  places[#places + 1] = ARGV[i]
end
redis.call('ZADD', KEYS[1], unpack(places))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return now
