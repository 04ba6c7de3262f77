/**
 * `multipart/form-data` with many files, in fields named `image` or `images`, and options as fields before or after them.
 *
 * multer parses; its storage is the batch: a file is read into memory, given to the sink, and forgotten. The next is not read
 * before the sink has taken it, so the form waits in the client's socket, not here. Too large a file is a failed item, and
 * the rest of it is thrown away as it comes.
 */
import type { Readable } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import { ProblemError } from '@quintet/shared';
import { tooLargeBatch, tooManyItems, type BatchSink, type ItemSource } from '../../../batches/index.js';
import { optionNames } from '../../../jobs/index.js';
import {
  collect,
  fieldsOf,
  letGoEarly,
  multipartOverhead,
  multipartProblem,
  multipartSource,
  type MulterOptions,
} from '../multipart.js';
import { entryTooLarge, type ArchiveLimits } from './archive-limits.js';

const fileFields = ['images', 'image'];
/** A part's headers and its boundary. */
const overheadPerFile = 1024;

/** Gives the files of a form to `sink`, and returns its text fields: the options. */
export async function readMultipartItems(
  request: IncomingMessage,
  response: ServerResponse,
  limits: ArchiveLimits,
  sink: BatchSink,
): Promise<[name: string, value: string][]> {
  const { maxItems, maxBytes, maxItemBytes } = limits;
  const mostFields = optionNames.length + 8; // webhook_events may be repeated
  const storage = new SinkStorage(sink, maxItemBytes);
  const settings: MulterOptions = {
    storage,
    limits: {
      files: maxItems,
      fields: mostFields,
      parts: maxItems + mostFields + 1,
      fieldSize: 16 * 1024,
      fieldNameSize: 64,
      headerPairs: 32,
      fieldNestingDepth: 0,
      fieldArrayIndexLimit: 0,
    },
    streamHandler: letGoEarly,
    // File names are UTF-8 in every client of this decade, though RFC 7578 does not quite say so.
    defParamCharset: 'utf8',
  };
  const most = maxBytes + multipartOverhead + overheadPerFile * maxItems;
  const source = multipartSource(request, most, () => tooLargeBatch(maxBytes));
  try {
    await new Promise<void>((resolve, reject) => {
      multer(settings).any()(source as unknown as Request, response as Response, (error: unknown) => {
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error('multer failed', { cause: error }));
      });
    });
  } catch (error) {
    if (storage.failure !== undefined) throw storage.failure.error;
    const cause: unknown = source.failure ?? error;
    if (cause instanceof MulterError && cause.code === 'LIMIT_FILE_COUNT') throw tooManyItems(maxItems);
    throw multipartProblem(cause, maxItemBytes);
  }
  return fieldsOf(source.body ?? {});
}

class SinkStorage implements multer.StorageEngine {
  /** The file that is being read, and those that wait for it. */
  #last: Promise<void> = Promise.resolve();
  /** Why the sink did not take a file, which is no fault of the form's. */
  failure?: { readonly error: unknown };

  constructor(
    private readonly sink: BatchSink,
    private readonly maxItemBytes: number,
  ) {}

  _handleFile(_request: Request, file: Express.Multer.File, callback: (error?: unknown) => void): void {
    this.#last = this.#last.then(() => this.#take(file));
    this.#last.then(
      () => {
        callback();
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error('a file was not taken', { cause: error }));
      },
    );
  }

  /** What was staged is discarded by who staged it. */
  _removeFile(_request: Request, _file: Express.Multer.File, callback: (error: Error | null) => void): void {
    callback(null);
  }

  async #take({ fieldname, originalname, stream }: Express.Multer.File): Promise<void> {
    if (!fileFields.includes(fieldname)) {
      throw new ProblemError(
        'file_field_unexpected',
        `A file is in the field ${fieldname}; it must be ${fileFields.join(' or ')}.`,
      );
    }
    const source = await readFile(stream, this.maxItemBytes);
    try {
      await this.sink.add({ name: originalname, source });
    } catch (error) {
      this.failure ??= { error };
      throw error;
    }
  }
}

async function readFile(stream: Readable, limit: number): Promise<ItemSource> {
  const image = await collect(stream, limit);
  return image === undefined ? entryTooLarge(limit) : { image };
}
