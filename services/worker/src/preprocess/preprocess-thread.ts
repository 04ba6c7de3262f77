/**
 * The body of a preprocessing thread: decoding runs in libuv's pool, the exact resampling here, so that neither holds the
 * main thread. Several pictures may be under way; each is answered on its own.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ImageError } from '@quintet/images';
import type { PreprocessReply, PreprocessRequest } from './preprocess-protocol.js';
import { createPreprocessor, type PreprocessorOptions } from './preprocessor.js';
import { configureSharp } from './sharp-settings.js';

const port = parentPort;
if (port === null) throw new Error('preprocess-thread.js is the body of a worker thread');
configureSharp();
const preprocessor = createPreprocessor(workerData as PreprocessorOptions);

port.on('message', ({ id, bytes }: PreprocessRequest) => {
  preprocessor.preprocess(Buffer.from(bytes)).then(
    (crop) => {
      const owned = crop.data.buffer instanceof ArrayBuffer ? [crop.data.buffer] : [];
      port.postMessage({ id, crop } satisfies PreprocessReply, owned);
    },
    (error: unknown) => {
      const reply: PreprocessReply =
        error instanceof ImageError
          ? { id, code: error.code, detail: error.detail }
          : { id, detail: error instanceof Error ? error.message : String(error) };
      port.postMessage(reply);
    },
  );
});
