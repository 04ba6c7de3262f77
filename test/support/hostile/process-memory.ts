/** The memory of a process as Linux counts it, in megabytes (10^6 bytes). */
import { readFileSync, writeFileSync } from 'node:fs';

export const canMeasureMemory = process.platform === 'linux';

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
