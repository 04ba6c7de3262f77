/**
 * `disconnect()` of ioredis 6.0.0 does not end a connection in every state. BullMQ's `close()` waits for that end, and for the
 * blocking command that was under way, so a service that was told to stop just after Redis had come back never stopped.
 *
 *   reconnecting          it clears the timer of the next attempt, and there is no socket whose end would be heard
 *   connecting, connect   the connection ends, but what was in flight on the one before stays pending: it is kept apart, to be
 *                         sent again when the connection is ready, and nothing else looks there (redis/ioredis #2197)
 *
 * Invariant: after `disconnect()` a connection emits `end`, and every command that was given to it settles.
 * Trade-off: the second cure reaches for a member that ioredis does not promise; test/integration/redis-disconnect.test.ts fails
 * where it is named differently and ioredis itself does not settle those commands.
 */
import type { Redis } from 'ioredis';

/** The member in question: what was in flight when a connection that had been ready broke. */
interface Unanswered {
  readonly prevCommandQueue?: {
    shift(): { readonly command: { reject(error: Error): void } } | undefined;
  } | null;
}

/** Makes `redis.disconnect()` end the connection, whatever its state. */
export function endInEveryState(redis: Redis): void {
  const disconnect = redis.disconnect.bind(redis);
  redis.disconnect = (reconnect = false) => {
    // An attempt that is given up before it has begun ends the connection.
    if (!reconnect && redis.status === 'reconnecting') redis.connect().catch(() => undefined);
    disconnect(reconnect);
  };
  redis.on('end', () => {
    const queue = (redis as Unanswered).prevCommandQueue;
    for (let item = queue?.shift(); item !== undefined; item = queue?.shift()) {
      item.command.reject(new Error('Connection is closed.'));
    }
  });
}
