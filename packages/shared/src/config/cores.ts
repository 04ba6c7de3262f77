/**
 * Cores from the container's CPU quota. Node 20's libuv and ONNX Runtime count those of the host, and a pool sized so
 * is throttled by the kernel. Sources: cgroup v2 `cpu.max` ("quota period" or "max period"), v1 `cpu.cfs_quota_us`.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

type ReadText = (path: string) => string | undefined;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The quota in cores, such as 1.5; undefined where there is none. */
export function cpuQuota(read: ReadText = readText): number | undefined {
  const v2 = read('/sys/fs/cgroup/cpu.max');
  const v1 = read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const [quota, period] =
    v2 === undefined ? [v1, read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')] : v2.trim().split(/\s+/);
  const cores = Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? cores : undefined;
}

/** Whole cores to size pools by: the quota rounded down, at least 1, never more than the machine has. */
export function availableCores(read: ReadText = readText, machine: number = availableParallelism()): number {
  const quota = cpuQuota(read);
  return quota === undefined ? machine : Math.max(1, Math.min(machine, Math.floor(quota)));
}
