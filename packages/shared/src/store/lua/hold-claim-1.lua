-- Makes the claim of a job, if it still has it, last from now.
-- KEYS: claim. ARGV: job id, claim in ms; 0 gives it up.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
