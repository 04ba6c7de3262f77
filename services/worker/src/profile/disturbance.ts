/**
 * Whether a measurement can be trusted: others that use the machine meanwhile, or times that change, make the table one of the
 * moment and not of the machine.
 *
 * Others are counted by processor time, all of the machine's less this process's own. The load average would still tell of the
 * build before, and of the measurement itself. Where the system counts no processor time, as some sandboxes do, and for what it cannot see (the
 * neighbours of a virtual machine), the scatter remains.
 */
import { cpus } from 'node:os';

export interface Conditions {
  /** How many times as long the slower of two rounds took as the faster, at worst; 1: no difference. */
  readonly scatter: number;
  /** Cores that others kept busy, on average. */
  readonly othersCores: number;
  /** Cores of the machine, of which this process may use only some. */
  readonly machineCores: number;
}

/** Others may take this part of the cores that were measured: what a quiet machine's other processes do. */
const tolerated = 0.15;
const mostScatter = 1.25;

/** Why what was measured on `cores` is not to be kept; undefined where it is good. */
export function disturbance({ scatter, othersCores, machineCores }: Conditions, cores: number): string | undefined {
  // On a large machine others may have cores of their own.
  const taken = othersCores - Math.max(0, machineCores - cores);
  if (taken > tolerated * cores) return `other processes kept ${othersCores.toFixed(1)} of ${machineCores} cores busy`;
  if (scatter > mostScatter) return `the same batch took up to ${scatter.toFixed(1)} times as long in another round`;
  return undefined;
}

/** A reading of processor time and of the clock, in ms; processor time is counted from any moment on. */
export interface Reading {
  /** Of all processes of the machine. */
  readonly all: number;
  readonly own: number;
  readonly clock: number;
}

/** Cores that other processes kept busy from one reading to a later one. */
export function othersBetween(before: Reading, after: Reading): number {
  const elapsed = after.clock - before.clock;
  if (elapsed <= 0) return 0;
  return Math.max(0, after.all - before.all - (after.own - before.own)) / elapsed;
}

/** Returns what tells how many cores others have kept busy since this call. */
export function watchOthers(read: () => Reading = readProcessorTime): () => number {
  const before = read();
  return () => othersBetween(before, read());
}

function readProcessorTime(): Reading {
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const { user, system } = process.cpuUsage();
  return { all, own: (user + system) / 1000, clock: performance.now() };
}
