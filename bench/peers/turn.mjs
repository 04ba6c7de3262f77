/**
 * One turn of one system: started, warmed, loaded at each concurrency, stopped.
 *
 * A system is started for its turn and stopped after it, rather than frozen with SIGSTOP while others run: a frozen cluster of
 * processes (Ray, Redis clients) wakes up to missed heartbeats, and its memory and page cache would weigh on the others. The
 * price is a few seconds of start and warm-up in each turn, outside all measurements.
 *
 * A measurement follows a lead-in with the same load, which adaptive batching needs to find its pace. Memory is read in the
 * lead-in, under load, so that reading it delays no measured request. What the rest of the machine took meanwhile is measured
 * too: on a shared machine that decides whether a number means anything.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'node:http';
import { availableParallelism } from 'node:os';
import { closedLoop, post } from '../lib/load.mjs';
import { cpuSeconds, machineCpuSeconds, proportionalMemory } from '../lib/processes.mjs';

const leadInSeconds = 1.5;

/**
 * @typedef {{ label: string, score: number }} Top
 * @typedef {{ concurrency: number, perSecond: number, latencies: number[], errors: number, cpuPerThousand: number,
 *   others: number }} Measured `others` is the share of the cores that neither the system nor its clients took
 * @typedef {{ startSeconds: number, tops: (Top | undefined)[], memory: number, measured: Measured[] }} Turn
 */

/**
 * @param {() => Promise<import('./systems.mjs').Started>} start
 * @param {{ concurrencies: readonly number[], seconds: number }} options
 * @returns {Promise<Turn>}
 */
export async function takeTurn(start, { concurrencies, seconds }) {
  const began = performance.now();
  const system = await start();
  try {
    const startSeconds = (performance.now() - began) / 1000;
    const tops = await askEach(system);
    const most = Math.max(...concurrencies);
    await closedLoop({ ...system, concurrency: Math.min(8, most), count: 2 * system.images.length });
    const measured = [];
    let memory = 0;
    for (const concurrency of concurrencies) {
      const load = { ...system, concurrency };
      const leadIn = closedLoop({ ...load, seconds: leadInSeconds });
      await sleep(leadInSeconds * 700);
      memory = Math.max(memory, proportionalMemory(system.pids()));
      await leadIn;
      const before = cpuOf(system.pids());
      const ownBefore = process.cpuUsage();
      const allBefore = machineCpuSeconds();
      const { seconds: took, answered, perSecond, latencies, errors } = await closedLoop({ ...load, seconds });
      const all = machineCpuSeconds() - allBefore;
      const own = process.cpuUsage(ownBefore);
      const cpu = cpuSince(before, system.pids());
      const others = Math.max(0, all - cpu - (own.user + own.system) / 1e6) / (took * availableParallelism());
      measured.push({ concurrency, perSecond, latencies, errors, others, cpuPerThousand: (cpu / answered) * 1000 });
    }
    return { startSeconds, tops, memory, measured };
  } finally {
    await system.stop();
  }
}

/** What it says of each picture first, one after the other. @param {import('./systems.mjs').Started} system */
async function askEach({ url, headers, images }) {
  const agent = new Agent({ keepAlive: true });
  const tops = /** @type {(Top | undefined)[]} */ ([]);
  for (const image of images) {
    const { status, body } = await post(agent, { url, headers, images, concurrency: 1 }, image);
    tops.push(status === 200 ? firstOf(JSON.parse(body.toString())) : undefined);
  }
  agent.destroy();
  return tops;
}

/**
 * The first prediction of an answer: an object with `predictions`, or a batch of one (BentoML).
 * @returns {Top}
 */
function firstOf(/** @type {any} */ answer) {
  const [{ label, score }] = Array.isArray(answer) ? answer[0] : answer.predictions;
  return { label, score };
}

/** @param {readonly number[]} pids @returns {Map<number, number>} */
const cpuOf = (pids) => new Map(pids.map((pid) => [pid, cpuSeconds(pid)]));

/** CPU seconds since then; of a process that started meanwhile, all. @param {Map<number, number>} before @param {readonly number[]} pids */
function cpuSince(before, pids) {
  return pids.reduce((sum, pid) => sum + Math.max(0, cpuSeconds(pid) - (before.get(pid) ?? 0)), 0);
}
