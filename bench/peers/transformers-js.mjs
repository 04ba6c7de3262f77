/**
 * transformers.js behind Express: its `image-classification` pipeline, with its own preprocessing. It has no dynamic batching, so a
 * request is a call. PEER_WORKERS above 1 forks as many processes that share the port (node:cluster), as its guide for servers leaves
 * it to the user to do.
 *
 * The model folder is laid out by bench/lib/peer-model.mjs around the very ONNX file that all systems serve.
 */
import cluster from 'node:cluster';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { PEER_PORT, PEER_MODULES, PEER_MODEL_DIR, PEER_THREADS, PEER_WORKERS } = process.env;
const workers = Number(PEER_WORKERS);

async function serve() {
  const ofPeers = createRequire(join(PEER_MODULES, 'package.json'));
  const { env, pipeline, RawImage } = await import(pathToFileURL(ofPeers.resolve('@huggingface/transformers')).href);
  const express = createRequire(join(root, 'services/api/package.json'))('express');

  env.allowRemoteModels = false;
  env.localModelPath = dirname(PEER_MODEL_DIR);
  // 0: as the library would choose, spinning included. Else as many threads, which do not spin.
  const threads = Number(PEER_THREADS);
  const noSpinning = { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } };
  const session_options = threads === 0 ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1, extra: noSpinning };
  const classify = await pipeline('image-classification', basename(PEER_MODEL_DIR), {
    dtype: 'fp32',
    device: 'cpu',
    session_options,
  });

  // The pipeline names its input `pixel_values`; the file is served as it is, so the name is translated.
  const { model } = classify;
  const [input] = model.sessions.model.inputNames;
  const forward = model.forward.bind(model);
  model.forward = async ({ pixel_values }) => {
    const outputs = await forward({ [input]: pixel_values });
    return { logits: Object.values(outputs)[0] };
  };

  const app = express();
  app.use(express.raw({ type: 'image/*', limit: '20mb' }));
  app.post('/classify', async (request, response) => {
    const image = await RawImage.fromBlob(new Blob([request.body]));
    response.json({ predictions: await classify(image, { top_k: 5 }) });
  });
  app.listen(Number(PEER_PORT), '127.0.0.1');
}

if (workers > 1 && cluster.isPrimary) {
  for (let index = 0; index < workers; index += 1) cluster.fork();
  process.once('SIGTERM', () => process.exit());
} else {
  await serve();
}
