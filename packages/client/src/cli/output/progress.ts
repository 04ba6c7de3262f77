/** The progress of a run, as a line. */

const barWidth = 24;
const parts = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export interface Standing {
  readonly done: number;
  readonly failed: number;
  /** Undefined where it is not known, as of a folder that is watched. */
  readonly total: number | undefined;
  readonly seconds: number;
  /** What it waits for, if it waits. */
  readonly note?: string | undefined;
}

export function progressLine({ done, failed, total, seconds, note }: Standing): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const left = total === undefined || rate === 0 ? undefined : (total - done) / rate;
  const words = [
    total === undefined ? String(done) : `${bar(total === 0 ? 1 : done / total)} ${done}/${total}`,
    `${rate.toFixed(rate < 10 ? 1 : 0)}/s`,
    ...(left === undefined || done === total ? [] : [`${duration(left)} left`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(note === undefined ? [] : [note]),
  ];
  return words.join('  ');
}

function bar(share: number): string {
  const eighths = Math.round(share * barWidth * 8);
  const full = Math.floor(eighths / 8);
  const rest = full < barWidth ? (parts[eighths % 8] ?? '') : '';
  return `${'█'.repeat(full)}${rest}`.padEnd(barWidth);
}

/** Seconds as one reads them: `4 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
