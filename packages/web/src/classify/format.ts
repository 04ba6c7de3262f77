/** Numbers as people read them. */

const percent = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A score of 0 to 1: `93.1 %`. */
export function formatScore(score: number): string {
  const value = score * 100;
  if (value > 0 && value < 0.05) return '< 0.1 %';
  return `${percent.format(value)} %`;
}

/** Milliseconds: `0.4 ms`, `62 ms`, `1.8 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return formatSeconds(ms / 1000);
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Seconds: `0.4 s`, `12 s`, `3 min 5 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
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
