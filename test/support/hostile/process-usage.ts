/** What a process takes, as Linux counts it: memory in megabytes (10^6 bytes), time in milliseconds. */
import { readFileSync, writeFileSync } from 'node:fs';

export const canMeasure = process.platform === 'linux';

function field(pid: number, name: 'VmHWM' | 'VmRSS'): number {
  const [, kilobytes] =
    new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kilobytes ?? NaN) * 1024) / 1e6;
}

export const residentMegabytes = (pid: number): number => field(pid, 'VmRSS');

/** The most that was resident since the last `forgetPeak`, or ever. */
export const peakMegabytes = (pid: number): number => field(pid, 'VmHWM');

/** Lets the peak start again from what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Linux counts the time of a process in hundredths of a second. */
const msPerTick = 10;

/** CPU time of all its threads so far. Unlike the time on the clock, other processes do not add to it. */
export function cpuMilliseconds(pid: number): number {
  // The name, in brackets, may have spaces in it. Behind it, the 12th and 13th fields are the time in user code and in the kernel.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

export interface MainThreadTime {
  readonly ranMs: number;
  /** It could have run, and had no core. */
  readonly waitedMs: number;
}

export function mainThreadTime(pid: number): MainThreadTime {
  const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  return { ranMs: ran / 1e6, waitedMs: waited / 1e6 };
}
