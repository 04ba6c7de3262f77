// Preloaded (--import) into the services that `npm start` runs: when its process is gone, killed and unable to stop
// them, they end too. Nothing is lost: jobs are in Redis, and a worker takes them up again.
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.channel) {
  process.once('disconnect', () => process.exit(1));
  // Listening must not keep a service alive that has finished.
  process.channel.unref();
}
