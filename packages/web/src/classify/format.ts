/** Numbers as people read them. */

/** Milliseconds: `0.4 ms`, `62 ms`, `1.8 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return formatSeconds(ms / 1000);
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Seconds: `0.4 s`, `4 s`, `12 s`, `3 min 5 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const rest = whole % 60;
  return `${Math.floor(whole / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}

/** A model's version: the first eight digits of its hash. */
export function shortVersion(version: string): string {
  return version.replace(/^sha256:/, '').slice(0, 8);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
