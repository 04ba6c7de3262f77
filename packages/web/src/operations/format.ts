/** Numbers as people read them: three digits at most, units that fit. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** What there is none of. */
export const nothing = '–';

export function formatCount(value: number): string {
  return whole.format(value);
}

/** Of something a second: `0`, `0.3`, `12.4`, `240`. */
export function formatRate(value: number): string {
  if (value === 0) return '0';
  if (value < 0.05) return '<0.1';
  return value < 99.95 ? tenths.format(value) : whole.format(value);
}

/** Milliseconds as `0.4 ms`, `62 ms`, `1.4 s`, `3 min`. */
export function formatMilliseconds(ms: number): string {
  if (ms < 9.95) return `${tenths.format(ms)} ms`;
  if (ms < 999.5) return `${whole.format(ms)} ms`;
  if (ms < 9950) return `${tenths.format(ms / 1000)} s`;
  return formatDuration(ms / 1000);
}

/** Seconds as `12 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function formatDuration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 100) return `${rounded} s`;
  const minutes = Math.round(rounded / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return join(hours, 'h', minutes % 60, 'min');
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const byteUnits = ['kiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes as `812 kiB`, `42 MiB`, `1.5 GiB`: in powers of 1024, as Redis and containers count their limits. */
export function formatBytes(bytes: number): string {
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const number = value < 9.95 && value % 1 !== 0 ? tenths.format(value) : whole.format(value);
  return `${number} ${byteUnits[unit] ?? ''}`;
}

export function formatShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}
