/** How a run stands: a line while it goes on, what is told of what fails, and at its end. */
import type { Batch, QuintetError } from '../../index.js';
import { explain } from '../failures.js';
import type { Terminal } from './terminal.js';

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

/** The same of a batch that goes on. */
export function batchLine({ total, counts, created_at }: Batch): string {
  const done = total - counts.queued - counts.processing;
  const seconds = (Date.now() - Date.parse(created_at)) / 1000;
  return progressLine({ done, failed: counts.failed, total, seconds });
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

/** How long a note of waiting stays. */
const noteMs = 2000;
const redrawMs = 500;

export class Run {
  #done = 0;
  #failed = 0;
  #note: { readonly text: string; readonly until: number } | undefined;
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;

  /** `total` is undefined where it is not known. */
  constructor(
    private readonly terminal: Terminal,
    private readonly total: number | undefined,
  ) {
    this.#timer = setInterval(() => {
      this.#show();
    }, redrawMs).unref();
    this.#show();
  }

  get failed(): number {
    return this.#failed;
  }

  /** A picture is done; with an error, which is told, it failed. */
  count(name: string, error: QuintetError | undefined): void {
    this.#done += 1;
    if (error !== undefined) {
      this.#failed += 1;
      this.terminal.complain(`${name}: ${explain(error)}`);
    }
    this.#show();
  }

  waitsFor({ code }: QuintetError): void {
    this.#note = { text: `waiting: ${code}`, until: performance.now() + noteMs };
  }

  /** Told where the user ended the run. */
  interrupted(signal: AbortSignal): void {
    this.#stop();
    if (!signal.aborted || !this.terminal.stderr.isTTY) return;
    const of = this.total === undefined ? '' : ` of ${this.total}`;
    this.terminal.tell(`Interrupted: ${this.#done}${of} done; what was under way is canceled.`);
  }

  /** To a person, who has seen the bar disappear. */
  summary(): void {
    this.#stop();
    if (!this.terminal.stderr.isTTY) return;
    const seconds = (performance.now() - this.#began) / 1000;
    const pictures = `${this.#done} ${this.#done === 1 ? 'picture' : 'pictures'}`;
    const failures = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    this.terminal.tell(`${pictures} in ${seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds)}${failures}`);
  }

  #show(): void {
    const now = performance.now();
    const note = this.#note !== undefined && now < this.#note.until ? this.#note.text : undefined;
    const seconds = (now - this.#began) / 1000;
    this.terminal.status(progressLine({ done: this.#done, failed: this.#failed, total: this.total, seconds, note }));
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.terminal.status('');
  }
}
