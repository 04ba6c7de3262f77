/** What processes take, read from /proc: CPU time and memory of a process and of all that it started. Linux only. */
import { readFileSync, readdirSync } from 'node:fs';

/** Clock ticks a second of /proc/<pid>/stat: USER_HZ, 100 on every Linux that Node runs on. */
const ticks = 100;

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

/** @param {number} pid @returns {number[]} `pid` and its descendants that live */
export function processTree(pid) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(/\) . (\d+)/.exec(read(`/proc/${entry}/stat`))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/** @param {number} pid */
export const commandLine = (pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

/** CPU seconds, own, user and system. @param {number} pid */
export function cpuSeconds(pid) {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticks;
}

/** Resident megabytes (10^6): now, the peak since the start, and what of the present is private. @param {number} pid */
export function memory(pid) {
  const status = read(`/proc/${pid}/status`);
  const of = (/** @type {string} */ name) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / 1e6;
  return { now: of('VmRSS'), peak: of('VmHWM'), anonymous: of('RssAnon'), mapped: of('RssFile') };
}

/**
 * Proportional megabytes (10^6) of processes together: what they share is counted once. 0 for those that have ended.
 * @param {Iterable<number>} pids
 */
export function proportionalMemory(pids) {
  let sum = 0;
  for (const pid of pids)
    sum += (Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024) / 1e6;
  return sum;
}

/** CPU seconds that all processes of the machine have taken so far, with those that its host gave to others. */
export function machineCpuSeconds() {
  const [user, nice, system, , , interrupts, softInterrupts, stolen] = (
    /^cpu\s+(.*)$/m.exec(read('/proc/stat'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return (user + nice + system + interrupts + softInterrupts + stolen) / ticks;
}
