-- Writes and lists new jobs of one owner. 1 where the list is to be cleared out.
-- KEYS: list, deadlines, jobs….
-- ARGV: life of the records and of the list in ms, and of each job: id, record, deadline or '', and of an item of a
-- batch: batch, index, the request to notify of its end or ''.
--
-- include list-job

local added = #KEYS - 2
local words = (#ARGV - 2) / added
for job = 1, added do
  local id, record, deadline, batch, index, notify = unpack(ARGV, 3 + (job - 1) * words, 2 + job * words)
  local key = KEYS[2 + job]
  redis.call('HSET', key, 'record', record)
  if batch then redis.call('HSET', key, 'batch', batch, 'index', index) end
  if notify and notify ~= '' then redis.call('HSET', key, 'notify', notify) end
  redis.call('PEXPIRE', key, ARGV[1])
  if deadline ~= '' then redis.call('ZADD', KEYS[2], deadline, id) end
  list_job(KEYS[1], id)
end
return tend_list(KEYS[1], ARGV[2], added)
