-- Counts a job that ends (ended-jobs.ts): the second and `record` go into the string of the minute. There are two, in
-- turn; each expires in the instant in which its turn comes again.
local function count_ended(even, odd, record)
  local now = tonumber(redis.call('TIME')[1])
  local minute = math.floor(now / 60)
  local key = minute % 2 == 0 and even or odd
  local length = redis.call('APPEND', key, string.char(48 + now % 60) .. record)
  if length == #record + 1 then redis.call('EXPIREAT', key, (minute + 2) * 60) end
end
