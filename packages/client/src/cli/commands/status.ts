import type { Command } from '../commands.js';
import type { Context } from '../context.js';
export const status: Command = {
  summary: 'throughput, queue, latency and workers, in one table',
  help: '',
  run: (_: readonly string[], __: Context) => Promise.resolve(0),
};
