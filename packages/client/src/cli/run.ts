/** How a run stands: what is told while it goes on, of what fails, and at its end. */
import type { QuintetError } from '../index.js';
import { explain } from './failures.js';
import { duration, progressLine } from './output/progress.js';
import type { Terminal } from './output/terminal.js';

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
