// Preloaded (--import) into the services that `npm start` runs: when its process is gone, killed and unable to stop
// them, they end too. Nothing is lost: jobs are in Redis, and a worker takes them up again.
import { isMainThread } from 'node:worker_threads';
import { importBuilt } from './project.mjs';

// Undefined where there never was a channel.
if (isMainThread && process.connected !== undefined) {
  const { endNow } = await importBuilt('packages/shared/dist/service/end-now.js');
  // Not exit(): nobody reads the last log lines any more, and a worker's threads are in native code.
  process.once('disconnect', () => endNow());
  // It was gone before this line.
  if (!process.connected) endNow();
  // Listening must not keep a service alive that has finished.
  process.channel?.unref();
}
