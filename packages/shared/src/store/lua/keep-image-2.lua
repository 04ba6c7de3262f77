-- Keeps the image as long as the job, or drops it, with 0, where the job has ended or is gone.
-- KEYS: job, image.
if redis.call('HEXISTS', KEYS[1], 'record') == 0 or redis.call('HEXISTS', KEYS[1], 'outcome') == 1 then
  redis.call('UNLINK', KEYS[2])
  return 0
end
redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1]))
return 1
