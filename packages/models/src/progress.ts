/** Structured logging, as small as it can be: adapt it to pino or to a terminal. */
export type Log = (level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface Progress {
  readonly name: string;
  readonly phase: 'download' | 'copy' | 'convert' | 'generate';
  readonly doneBytes: number;
  /** Absent where nobody knows. */
  readonly totalBytes?: number;
  /** Averaged since this run began; bytes that an earlier run left do not count. */
  readonly bytesPerSecond: number;
}

/** Called for each chunk, and once at the end with doneBytes = totalBytes: keep it cheap. */
export type ProgressSink = (progress: Progress) => void;

const LINE_INTERVAL_MS = 5_000;
const LINE_STEP = 0.1;
const BAR_INTERVAL_MS = 100;
const BAR_CELLS = 24;

/** Progress as log lines: one each 5 s or 10 %, whichever comes later, so that neither speed floods the log. */
export function logProgress(log: Log, now: () => number = () => performance.now()): ProgressSink {
  let since: number | undefined;
  let lastShare = 0;
  return (progress) => {
    since ??= now();
    const total = progress.totalBytes;
    const share = total === undefined ? undefined : progress.doneBytes / total;
    const finished = share !== undefined && share >= 1;
    const waited = now() - since >= LINE_INTERVAL_MS;
    const advanced = share === undefined || share - lastShare >= LINE_STEP;
    // A line that says 100 % is worth having only after lines that said less.
    if (finished ? lastShare === 0 || lastShare >= 1 : !(waited && advanced)) return;
    since = now();
    lastShare = share ?? 0;
    log('info', describeProgress(progress), {
      model: progress.name,
      done_bytes: progress.doneBytes,
      ...(total === undefined ? {} : { total_bytes: total }),
    });
  };
}

interface BarStream {
  readonly columns?: number;
  write(text: string): unknown;
}

/** A progress bar that redraws one line of a terminal; ends the line when the total is reached. */
export function barProgress(stream: BarStream, now: () => number = () => performance.now()): ProgressSink {
  let last = Number.NEGATIVE_INFINITY;
  return (progress) => {
    const finished = progress.doneBytes === progress.totalBytes;
    if (!finished && now() - last < BAR_INTERVAL_MS) return;
    last = now();
    const share = progress.totalBytes === undefined ? 0 : Math.min(1, progress.doneBytes / progress.totalBytes);
    const filled = Math.round(share * BAR_CELLS);
    const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`;
    const line = `${bar} ${describeProgress(progress)}`.slice(0, Math.max(20, (stream.columns ?? 120) - 1));
    stream.write(`\r\u001b[K${line}${finished ? '\n' : ''}`);
  };
}

/** The bar on a terminal, log lines elsewhere. */
export function defaultProgress(log: Log, stream: BarStream & { readonly isTTY?: boolean }): ProgressSink {
  return stream.isTTY === true ? barProgress(stream) : logProgress(log);
}

const VERB = { download: 'downloading', copy: 'copying', convert: 'converting', generate: 'generating' } as const;

function describeProgress({ name, phase, doneBytes, totalBytes, bytesPerSecond }: Progress): string {
  const rate = bytesPerSecond > 0 ? `, ${formatBytes(bytesPerSecond)}/s` : '';
  if (totalBytes === undefined) return `${VERB[phase]} ${name}: ${formatBytes(doneBytes)}${rate}`;
  const left = (totalBytes - doneBytes) / bytesPerSecond;
  const eta = bytesPerSecond > 0 && left >= 1 ? `, ${Math.ceil(left)} s left` : '';
  const percent = Math.floor((doneBytes / totalBytes) * 100);
  return `${VERB[phase]} ${name}: ${percent} % of ${formatBytes(totalBytes)}${rate}${eta}`;
}

/** Decimal units, as disks and downloads are measured: 102576419 → "102.6 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1] ?? ''}`;
}

/** Counts bytes of one transfer and reports them; `start` is what an earlier run left. */
export function progressMeter(
  base: Pick<Progress, 'name' | 'phase' | 'totalBytes'>,
  sink: ProgressSink,
  start = 0,
): (doneBytes: number) => void {
  const began = performance.now();
  return (doneBytes) => {
    const seconds = (performance.now() - began) / 1000;
    sink({ ...base, doneBytes, bytesPerSecond: seconds > 0.05 ? Math.max(0, doneBytes - start) / seconds : 0 });
  };
}
