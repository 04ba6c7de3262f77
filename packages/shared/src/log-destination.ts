/**
 * Where a service's log lines go: standard output, at once, and without waiting for it.
 *
 *   free → full    the pipe takes no more (EAGAIN): lines are kept, and tried again every `retryMs`; what does not fit into
 *                  `mostKept` bytes is dropped, and counted
 *   full → free    all that was kept is written, and how many lines were dropped
 *   any → gone     nobody reads any more (EPIPE): every line is dropped from then on
 *   any other error, such as a full disk: the line is lost, and the next one is tried
 * Invariant: while it is free a line is written when the call returns, so it is there even if the process is killed next. No
 * write waits; the end of the process waits `lastMs` at most for a full pipe.
 * Trade-off: one system call a line. pino's own destination writes in libuv's pool: at SIGKILL its last lines are lost. Where nobody
 * reads any more, or the disk is full, it ends the process, which then tries for ever to write them.
 */
import { writeSync } from 'node:fs';

export interface LogDestination {
  write(line: string): void;
  /** Writes what was kept, as far as the pipe takes it within `lastMs`. */
  flushSync(): void;
}

const retryMs = 20;
const lastMs = 500;
const mostKept = 1024 * 1024;

let ofProcess: LogDestination | undefined;

/** That of this process: two would write into each other's lines. */
export function stdoutDestination(): LogDestination {
  // Naming standard output makes it one that does not block, so that a pipe says that it is full.
  return (ofProcess ??= destinationTo(process.stdout.fd));
}

function destinationTo(fd: number): LogDestination {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let dropped = 0;
  let gone = false;
  let timer: NodeJS.Timeout | undefined;

  const keep = (bytes: Buffer): void => {
    if (keptBytes + bytes.length > mostKept) {
      dropped += 1;
      return;
    }
    kept.push(bytes);
    keptBytes += bytes.length;
    timer ??= setTimeout(writeKept, retryMs).unref();
  };
  /** Writes what the pipe takes, and keeps the rest. */
  const put = (bytes: Buffer): void => {
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      gone = code === 'EPIPE';
      if (code === 'EAGAIN') keep(bytes.subarray(done));
    }
  };
  const writeKept = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const bytes = Buffer.concat(kept);
    kept = [];
    keptBytes = 0;
    put(bytes);
    if (dropped === 0 || kept.length > 0) return;
    const note = {
      level: 'warn',
      time: new Date(),
      message: `${dropped} lines of the log were dropped: nobody read them`,
    };
    dropped = 0;
    put(Buffer.from(`${JSON.stringify(note)}\n`));
  };
  const flushSync = (): void => {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const until = performance.now() + lastMs;
    while (kept.length > 0) {
      writeKept();
      if (kept.length === 0 || performance.now() > until) return;
      Atomics.wait(pause, 0, 0, retryMs);
    }
  };
  process.once('exit', flushSync);
  return {
    write: (line) => {
      if (gone) return;
      const bytes = Buffer.from(line);
      if (kept.length > 0) keep(bytes);
      else put(bytes);
    },
    flushSync,
  };
}
