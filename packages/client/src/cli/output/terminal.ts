/**
 * Standard output and standard error, which may be the same terminal.
 *
 * Results go to stdout, or to a file, everything else to stderr. A status line, of a terminal only, is the last line of
 * stderr: it is taken away before anything else is written, and drawn again after it. A reader that closes stdout, such
 * as `head`, is not an error: `onClosed` is told, once, and what is written afterwards is dropped.
 */
import { once } from 'node:events';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { WriteStream } from 'node:tty';
import { kindOf } from '../../node/files.js';
import { UsageError } from '../arguments.js';
import { printable, shorten } from './printable.js';

export interface Colours {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

const plain = (text: string): string => text;
const noColours: Colours = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };

const redrawMs = 100;

export class Terminal {
  readonly #colours: Colours;
  readonly #errorColours: Colours;
  #status = '';
  #drawn = false;
  #drawnAt = -Infinity;
  #closed = false;
  #file: ResultFile | undefined;

  constructor(
    readonly stdout: WriteStream,
    readonly stderr: WriteStream,
    env: NodeJS.ProcessEnv,
    onClosed: () => void,
  ) {
    this.#colours = coloursOf(stdout, env);
    this.#errorColours = coloursOf(stderr, env);
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
      if (this.#closed) return;
      this.#closed = true;
      onClosed();
    });
    // Nobody reads what is told besides: no reason to stop.
    stderr.on('error', () => undefined);
  }

  /** From now on results go to `file`, which the caller closes. */
  printTo(file: ResultFile): void {
    this.#file = file;
  }

  /** Where results go, unless to stdout. */
  get path(): string | undefined {
    return this.#file?.path;
  }

  /** Of results. */
  get colours(): Colours {
    return this.#file === undefined ? this.#colours : noColours;
  }

  /** Columns of stdout; undefined where it is no terminal, or where results go to a file. */
  get columns(): number | undefined {
    return this.stdout.isTTY && this.#file === undefined ? this.stdout.columns : undefined;
  }

  /** Results; waits until whoever takes them takes more. */
  async print(text: string): Promise<void> {
    if (this.#file !== undefined) return this.#file.write(text);
    if (this.#closed) return;
    if (this.stdout.isTTY) this.#clear();
    if (this.stdout.write(text)) return;
    await Promise.race([once(this.stdout, 'drain'), once(this.stdout, 'close')]).catch(() => undefined);
  }

  /** A line on stderr, after the command's name. */
  complain(text: string): void {
    this.#clear();
    this.stderr.write(`${this.#errorColours.red('quintet:')} ${printable(text)}\n`);
  }

  /** Lines on stderr as they are, which have to be printable. */
  tell(text: string): void {
    this.#clear();
    this.stderr.write(`${text}\n`);
  }

  /** What is under way, drawn a few times a second; empty for nothing. */
  status(text: string): void {
    if (!this.stderr.isTTY) return;
    this.#status = text;
    if (text === '') this.#clear();
    else if (performance.now() - this.#drawnAt > redrawMs) this.#draw();
  }

  #draw(): void {
    this.#drawnAt = performance.now();
    this.#drawn = true;
    this.stderr.write(`\r\x1b[2K${shorten(this.#status, this.stderr.columns - 1)}`);
  }

  #clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    this.#drawnAt = -Infinity;
    this.stderr.write('\r\x1b[2K');
  }
}

function coloursOf(stream: WriteStream, env: NodeJS.ProcessEnv): Colours {
  const coloured = stream.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const paint =
    (code: number) =>
    (text: string): string =>
      coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { bold: paint(1), dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33) };
}

/**
 * A file for results, in the place of standard output.
 *
 * It is opened before anything else happens, so that one that cannot be written is told before any picture is sent;
 * what is in it stays until the first result is there. So a run that never begins, as the service is away, destroys
 * nothing.
 */
export class ResultFile {
  #isEmpty = false;

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /** Throws UsageError where it cannot be written. */
  static async open(path: string): Promise<ResultFile> {
    const kind = await stat(path).then(kindOf, () => undefined);
    // The opening of a pipe would wait for its reader, in a thread that nothing can end.
    if (kind !== undefined && kind !== 'a device') throw new UsageError(`${path} is ${kind}, and results go to a file`);
    try {
      return new ResultFile(path, await open(path, 'a'));
    } catch (error) {
      throw new UsageError(`results cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async write(text: string): Promise<void> {
    if (!this.#isEmpty) {
      this.#isEmpty = true;
      if ((await this.handle.stat()).isFile()) await this.handle.truncate(0);
    }
    await this.handle.appendFile(text);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
