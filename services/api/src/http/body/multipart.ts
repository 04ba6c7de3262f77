/**
 * `multipart/form-data`: one file in the field `image`, options as fields, parsed by multer under limits for everything.
 *
 * multer answers an error only when the whole request has arrived, which a slow client can delay and a large one makes
 * expensive. So it reads from a stream of ours, which ends when multer lets go of it: the error is known at once, and
 * the rest of the request is drained by whoever answers (../drain.ts).
 *
 * multer's own storage and the parser below it keep a list of the chunks that come. So small ones are joined before the parser
 * has them (bodyChunks), and files as they come out of it.
 */
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import { ByteCollector, ProblemError } from '@quintet/shared';
import { letBodyCome } from '../drain.js';
import { optionNames } from '../../jobs/options.js';
import { bodyChunks, tooLarge } from './read-body.js';

const fileField = 'image';
/** Boundaries, part headers and options; the image's own limit comes on top. */
export const multipartOverhead = 64 * 1024;

export interface MultipartUpload {
  readonly image: Buffer;
  readonly fields: readonly (readonly [string, string])[];
}

export type ReadMultipart = (request: IncomingMessage, response: ServerResponse) => Promise<MultipartUpload>;

export function createMultipartReader(maxUploadBytes: number): ReadMultipart {
  const mostFields = optionNames.length + 8; // webhook_events may be repeated
  const settings: MulterOptions = {
    storage: new MemoryStorage(maxUploadBytes),
    limits: {
      fileSize: maxUploadBytes,
      files: 1,
      fields: mostFields,
      parts: mostFields + 1,
      fieldSize: 16 * 1024,
      fieldNameSize: 64,
      headerPairs: 32,
      fieldNestingDepth: 0,
      fieldArrayIndexLimit: 0,
    },
    streamHandler: letGoEarly,
  };
  const single = multer(settings).single(fileField);

  // The declared length has been checked (read-upload.ts); what comes is counted.
  return async (request, response) => {
    letBodyCome(request, response);
    const source = multipartSource(request, maxUploadBytes + multipartOverhead, () => tooLarge(maxUploadBytes));
    try {
      await new Promise<void>((resolve, reject) => {
        single(source as unknown as Request, response as Response, (error: unknown) => {
          if (error === undefined) resolve();
          else reject(error instanceof Error ? error : new Error('multer failed', { cause: error }));
        });
      });
    } catch (error) {
      throw multipartProblem(source.failure ?? error, maxUploadBytes);
    }
    const { file, body } = source;
    if (file === undefined) throw imageMissing(body ?? {});
    return { image: file.buffer, fields: fieldsOf(body ?? {}) };
  };
}

/** busboy lets go of the source when multer is done with it, whatever the reason. */
export function letGoEarly(source: Readable, busboy: Writable): void {
  busboy.once('unpipe', () => {
    source.destroy();
  });
  source.pipe(busboy);
}

/** multer 2.5 has these; its type declarations, of 2.3, do not yet. */
export type MulterOptions = Omit<multer.Options, 'limits'> & {
  readonly limits: multer.Options['limits'] & { fieldNestingDepth: number; fieldArrayIndexLimit: number };
  readonly streamHandler: (source: Readable, busboy: Writable) => void;
};

/** What multer needs of a request: a stream, its headers, and somewhere to put what it finds. */
export class MultipartSource extends PassThrough {
  headers: IncomingMessage['headers'] = {};
  body?: Record<string, string | string[]>;
  file?: { buffer: Buffer };
  failure?: Error;
}

/** The body of `request` as multer may read it; fails with `over()` past `limit` bytes. */
export function multipartSource(request: IncomingMessage, limit: number, over: () => Error): MultipartSource {
  const source = new MultipartSource();
  source.headers = request.headers;
  const counted = async function* (): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of bodyChunks(request)) {
      size += chunk.length;
      if (size > limit) throw over();
      yield chunk;
    }
  };
  source.on('error', () => undefined);
  // Not by pipe(), which hands on every chunk by itself. A source that its reader lets go of is no failure.
  pipeline(counted(), source).catch((error: unknown) => {
    if (error instanceof Error) source.failure ??= error;
  });
  return source;
}

/** The bytes of a stream; undefined where it has more than `limit`, when it has been read to its end. */
export async function collect(stream: Readable, limit: number): Promise<Buffer | undefined> {
  const collector = new ByteCollector(limit);
  let fits = true;
  for await (const chunk of stream as AsyncIterable<Buffer>) fits &&= collector.push(chunk);
  return fits ? collector.bytes() : undefined;
}

class MemoryStorage implements multer.StorageEngine {
  constructor(private readonly limit: number) {}

  _handleFile(
    _request: Request,
    { stream }: Express.Multer.File,
    callback: (error?: unknown, info?: Partial<Express.Multer.File>) => void,
  ): void {
    collect(stream, this.limit).then((buffer) => {
      // Past the limit, multer has its own error.
      callback(null, buffer === undefined ? {} : { buffer });
    }, callback);
  }

  _removeFile(_request: Request, _file: Express.Multer.File, callback: (error: Error | null) => void): void {
    callback(null);
  }
}

/** Text fields of a form, as often as they were sent. */
export function fieldsOf(body: Record<string, string | string[]>): [string, string][] {
  return Object.entries(body).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
}

function imageMissing(body: Record<string, unknown>): ProblemError {
  const detail = Object.hasOwn(body, fileField)
    ? `The field ${fileField} is text. Send it as a file, with a file name (curl: -F ${fileField}=@photo.jpg).`
    : `The form has no file in the field ${fileField}.`;
  return new ProblemError('image_missing', detail);
}

/** The problem that an error of multer or busboy is. */
export function multipartProblem(error: unknown, maxUploadBytes: number): unknown {
  if (error instanceof ProblemError) return error;
  if (!(error instanceof Error)) return error;
  const field = error instanceof MulterError ? error.field : undefined;
  const problem = (code: 'option_unknown' | 'option_invalid' | 'multipart_malformed', detail: string): ProblemError =>
    new ProblemError(code, detail, { cause: error });
  if (!(error instanceof MulterError)) {
    return problem('multipart_malformed', `The multipart body cannot be read: ${error.message}.`);
  }
  switch (error.code as string) {
    case 'LIMIT_FILE_SIZE':
      return tooLarge(maxUploadBytes);
    case 'LIMIT_FILE_COUNT':
      return new ProblemError('one_image_per_job', 'The form has more than one file.');
    case 'LIMIT_UNEXPECTED_FILE':
      return field === fileField
        ? new ProblemError('one_image_per_job', 'The form has more than one file.')
        : new ProblemError(
            'file_field_unexpected',
            `The file is in the field ${field ?? ''}; it must be ${fileField}.`,
          );
    case 'LIMIT_FIELD_KEY':
    case 'LIMIT_FIELD_COUNT':
    case 'LIMIT_PART_COUNT':
    case 'LIMIT_FIELD_NESTING':
    case 'LIMIT_FIELD_ARRAY_INDEX':
    case 'INVALID_FIELD_NAME':
      return problem(
        'option_unknown',
        `${error.message}${field === undefined ? '' : `: ${field}`}. Options are ${optionNames.join(', ')}, each one plain field.`,
      );
    case 'LIMIT_FIELD_VALUE':
      return problem('option_invalid', `The value of ${field ?? 'a field'} is too long.`);
    default:
      return problem('multipart_malformed', `The multipart body cannot be read: ${error.message}.`);
  }
}
