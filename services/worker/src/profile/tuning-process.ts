/**
 * The body of the tuning process: prepares the model, times it, and ends. A process of its own, because what sessions
 * take is not given back to the system as long as their process lives (onnxruntime #25325): the worker stays small.
 */
import { cpus } from 'node:os';
import { endNow } from '@quintet/shared';
import { watchOthers } from './disturbance.js';
import { StreamGroup } from './stream-group.js';
import { measure } from './measure.js';
import { prepareModel, preparedGraph } from './prepare.js';
import { join } from 'node:path';
import type { TuningReply, TuningRequest } from './tuning-protocol.js';

const send = (reply: TuningReply): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(reply, undefined, {}, (error: Error | null) => {
      if (error) reject(error);
      else resolve();
    });
  });

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function tune(request: TuningRequest): Promise<void> {
  let { file } = request;
  if (request.prepareIn !== undefined) {
    try {
      await prepareModel(file, request.prepareIn, request.input);
      file = { ...file, path: join(request.prepareIn, preparedGraph), prepared: true };
      await send({ type: 'prepared' });
    } catch (error) {
      await send({ type: 'unprepared', reason: text(error) });
    }
  }
  const { provider, input, classes } = request;
  if (request.measure !== undefined) {
    const othersCores = watchOthers();
    let scatter = 1;
    await measure({
      ...request.measure,
      start: (layout, maxBatch) => StreamGroup.start({ ...layout, file, provider, input, classes, maxBatch }),
      now: () => performance.now(),
      onRow: (row, ofRow) => {
        scatter = Math.max(scatter, ofRow);
        void send({
          type: 'row',
          row,
          conditions: { scatter, othersCores: othersCores(), machineCores: cpus().length },
        });
      },
    });
  }
}

process.once('message', (request: TuningRequest) => {
  tune(request)
    .then(
      () => send({ type: 'done' }),
      (error: unknown) => send({ type: 'failed', reason: text(error) }),
    )
    // Of one that failed, other streams may still run.
    .finally(() => endNow());
});
// The worker ended: nobody waits for the answer.
process.once('disconnect', () => endNow());
