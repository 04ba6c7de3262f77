/**
 * Standard output, as log lines go there: what comes while one write is under way goes with the next.
 *
 * A log that cannot be written is no reason to stop serving. What a full disk or a reader that is gone refuses is lost, and so is
 * what comes while `mostWaiting` characters wait for a reader that does not read; the next line is tried again. pino's own
 * destination ends the process for such an error, tries for ever to flush it at the exit, and keeps whatever comes.
 */
import { write, writeSync } from 'node:fs';

const descriptor = 1;
const mostWaiting = 16 * 1024 * 1024;
/** A pipe that does not block and is full. */
const retryMs = 50;

export class LogOutput {
  static #standard: LogOutput | undefined;
  #waiting = '';
  #isWriting = false;

  /** The one of this process: two would write into each other's lines. */
  static get standard(): LogOutput {
    return (LogOutput.#standard ??= new LogOutput());
  }

  private constructor() {
    process.on('exit', () => {
      this.#flush();
    });
  }

  write(line: string): void {
    if (this.#waiting.length + line.length <= mostWaiting) this.#waiting += line;
    if (!this.#isWriting) this.#next();
  }

  #next(): void {
    this.#isWriting = this.#waiting !== '';
    if (!this.#isWriting) return;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    this.#send(bytes);
  }

  #send(bytes: Buffer): void {
    write(descriptor, bytes, (error, written) => {
      if (error?.code === 'EAGAIN')
        setTimeout(() => {
          this.#send(bytes);
        }, retryMs);
      else if (error === null && written < bytes.length) this.#send(bytes.subarray(written));
      else this.#next();
    });
  }

  #flush(): void {
    try {
      if (this.#waiting !== '') writeSync(descriptor, this.#waiting);
    } catch {
      // It is lost.
    }
  }
}
