/**
 * A file for results, in the place of standard output.
 *
 * It is opened before anything else happens, so that one that cannot be written is told before any picture is sent; what is in it stays until the
 * first result is there. So a run that never begins, as the service is away, destroys nothing.
 */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { kindOf } from '../../node/files.js';
import { UsageError } from '../arguments.js';

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
