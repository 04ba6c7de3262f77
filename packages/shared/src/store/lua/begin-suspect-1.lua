-- Counts a run of a job whose worker died. Of a job that is gone there is nothing to count, and a key made here would
-- never expire.
-- KEYS: job.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], 'suspect_runs', 1)
