-- Writes and lists a job that has its outcome from the start. 1 where the list is to be cleared out.
-- KEYS: job, list of its owner's jobs, the two strings of ended jobs.
-- ARGV: record, outcome, retention in ms, record among those that ended, heat map or '', id.
--
-- include count-ended
-- include list-job

redis.call('HSET', KEYS[1], 'record', ARGV[1], 'outcome', ARGV[2])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'explanation', ARGV[5]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
count_ended(KEYS[3], KEYS[4], ARGV[4])
list_job(KEYS[2], ARGV[6])
return tend_list(KEYS[2], ARGV[3], 1)
