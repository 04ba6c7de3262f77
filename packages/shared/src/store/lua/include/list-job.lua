-- Puts a job at the end of the list of its owner's (job-list.ts), which has a million at most: 55 MB.
local function list_job(list, id)
  redis.call('XADD', list, 'MAXLEN', '~', 1000000, '*', 'id', id)
end

-- After `added` jobs: the list lives for `life` ms at least; its end is moved once a minute at most. 1 where the caller
-- is to clear out entries whose jobs are gone, which is once in 16 jobs.
local function tend_list(list, life, added)
  if redis.call('PTTL', list) < tonumber(life) then redis.call('PEXPIRE', list, life + 60000) end
  return redis.call('XLEN', list) % 16 < added and 1 or 0
end
