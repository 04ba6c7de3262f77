/** The state of the service on a screen: what the page shows under operations. */
import type { Operations } from '../../index.js';
import { printable } from './printable.js';
import { duration } from './progress.js';
import { simpleTable } from './table.js';
import type { Colours } from './terminal.js';

const titleWidth = 12;

export function operationsTable(operations: Operations, colours: Colours): string {
  const { at, window_seconds, throughput, queue, webhooks, redis } = operations;
  const line = (title: string, text: string): string => `${colours.bold(title.padEnd(titleWidth))}${text}\n`;
  const ends = (['succeeded', 'failed', 'canceled', 'expired'] as const)
    .filter((end) => end === 'succeeded' || throughput[end] > 0)
    .map((end) => (end === 'failed' ? colours.red : plain)(`${throughput[end]} ${end}`));
  const eta =
    queue.eta_seconds === undefined || queue.depth === 0 ? '' : `, done in about ${duration(queue.eta_seconds)}`;
  const limit = redis.limit_bytes === undefined ? '' : ` of ${megabytes(redis.limit_bytes)}`;
  return [
    colours.dim(`${new Date(at).toLocaleTimeString('en-GB')}, of the last ${window_seconds} s\n\n`),
    line('Throughput', `${perSecond(throughput.per_second)}  ${sparkline(throughput.history)}  ${ends.join(', ')}`),
    line('Queue', `${queue.depth} of ${queue.max_depth}${eta}`),
    line('Webhooks', `${webhooks.pending} pending, ${webhooks.failed} failed`),
    line('Redis', `${megabytes(redis.used_bytes)}${limit}`),
    '\n',
    latencyTable(operations, colours),
    modelsTable(operations, colours),
    workersTable(operations, colours),
  ].join('');
}

function latencyTable({ latency_ms }: Operations, colours: Colours): string {
  const rows = (['total', 'queue', 'preprocess', 'inference'] as const).flatMap((phase) => {
    const values = latency_ms[phase];
    return values === undefined ? [] : [[phase, ...[values.p50, values.p90, values.p99].map(milliseconds)]];
  });
  return rows.length === 0 ? '' : `${simpleTable(['LATENCY, MS', '>P50', '>P90', '>P99'], rows, colours)}\n`;
}

function modelsTable({ queue }: Operations, colours: Colours): string {
  const rows = queue.by_model.map(({ model, waiting, active }) => [printable(model), String(waiting), String(active)]);
  return rows.length === 0 ? '' : `${simpleTable(['MODEL', '>WAITING', '>ACTIVE'], rows, colours)}\n`;
}

function workersTable({ at, workers }: Operations, colours: Colours): string {
  if (workers.length === 0) return colours.red('No worker lives.\n');
  const rows = workers.map(({ id, model, device, since, streams, rate, load, active, memory_bytes }) => [
    printable(id),
    printable(model.name) + (model.weights === 'demo' ? ' (demo)' : ''),
    printable(device),
    String(streams),
    load === undefined ? '–' : `${Math.round(load * 100)} %`,
    perSecond(rate),
    active === undefined ? '–' : String(active),
    memory_bytes === undefined ? '–' : megabytes(memory_bytes),
    duration((Date.parse(at) - Date.parse(since)) / 1000),
  ]);
  const header = ['WORKER', 'MODEL', 'DEVICE', '>STREAMS', '>LOAD', '>CAN DO', '>HOLDS', '>MEMORY', '>UP'];
  return simpleTable(header, rows, colours);
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** One bar for each point, the highest being the most that ended in one. */
function sparkline(history: Operations['throughput']['history']): string {
  const ended = history.map(({ succeeded, failed }) => succeeded + failed);
  const most = Math.max(1, ...ended);
  return ended.map((each) => bars[Math.round((each / most) * (bars.length - 1))] ?? '').join('');
}

const plain = (text: string): string => text;
const perSecond = (rate: number): string => `${rate.toFixed(rate < 10 ? 1 : 0)}/s`;
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 1 : 0);
