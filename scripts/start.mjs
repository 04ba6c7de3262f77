// `npm start`: the whole set-up, then the API, the workers and the webhooks until Ctrl-C. What it does: lib/launch.mjs.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const { launch } = await import('./lib/launch.mjs');
process.exitCode = await launch();
