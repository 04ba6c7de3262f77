-- Notes that the batch was canceled, only where it is: a hash that this made would never expire.
-- KEYS: batch.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'cancel_asked', '1') end
