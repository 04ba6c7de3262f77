/**
 * `multipart/form-data` as it comes: files one after the other, text as fields, under limits for everything.
 *
 * The name of a part says what it is, not its file name or its content type: many clients send pictures without either
 * (Java's HttpClient, Spring's ByteArrayResource, Ktor, .NET's ByteArrayContent). That is why this is @fastify/busboy
 * and not multer: the parser below multer takes a part without a file name for text, and has no option against that.
 *
 * The next file is not read before the one before it has been taken, so the form waits in the client's socket, not here.
 * An error ends the reading at once; the rest of the request is drained by the code that answers (../drain.ts).
 */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IncomingMessage } from 'node:http';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { ByteCollector, ProblemError } from '@quintet/shared';
import { optionNames } from '../../jobs/options.js';
import { bodyChunks } from './read-body.js';

/** Boundaries, part headers and options of a form; the limit of its files comes on top. */
export const multipartOverhead = 64 * 1024;

const mostFields = optionNames.length + 8; // webhook_events may be repeated
const mostFieldBytes = 16 * 1024;
/** Browsers send a part for every file input, also where nothing was chosen. */
const mostEmptyFiles = 16;

export interface FilePart {
  /** Name of the part. */
  readonly field: string;
  /** Name of the file; empty where the client gave none. */
  readonly name: string;
  readonly stream: Readable;
}

export interface FormSettings {
  /** Parts of these names are files, whatever else their headers say. */
  readonly fileFields: readonly string[];
  readonly mostFiles: number;
  /** Most bytes of the whole body. */
  readonly mostBytes: number;
  /** The problem of a body with more than `mostBytes`. */
  readonly tooLarge: () => ProblemError;
  /** The problem of a form with more than `mostFiles` files. */
  readonly tooMany: () => ProblemError;
}

/**
 * Reads the form, gives its files to `take` in their order, and returns its text fields as often as they were sent.
 * Throws `multipart_malformed`, `option_unknown`, `option_invalid`, `upload_incomplete`, the problems of `settings`, and what
 * `take` throws.
 */
export async function readForm(
  request: IncomingMessage,
  settings: FormSettings,
  take: (part: FilePart) => Promise<void>,
): Promise<[name: string, value: string][]> {
  const fields: [string, string][] = [];
  const open = new Set<Readable>();
  const parser = openParser(request, settings);
  let files = 0;
  let taken = Promise.resolve();
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    parser.destroy(error instanceof Error ? error : new Error('a file was not taken', { cause: error }));
  };

  // Some of its errors come after the pipeline has let go of it.
  parser.on('error', () => undefined);
  parser.on('field', (name: string | undefined, value, _, isCut) => {
    if (name === undefined) fail(malformed('a part has no name'));
    else if (isCut) fail(new ProblemError('option_invalid', `The value of ${name.slice(0, 64)} is too long.`));
    else fields.push([name, value]);
  });
  parser.on('file', (field: string | undefined, stream: Readable, name: string | undefined) => {
    open.add(stream);
    // Before the reader has it: the error of a form that ends early is the form's.
    stream.on('error', (error) => {
      fail(malformed(error.message, error));
    });
    if (field === undefined) {
      fail(malformed('a part has no name'));
      return;
    }
    files += 1;
    taken = taken
      .then(() => take({ field, name: unescaped(name ?? ''), stream }))
      .then(() => {
        open.delete(stream);
        stream.resume();
      });
    taken.catch(fail);
  });
  parser.on('fieldsLimit', () => {
    fail(tooManyFields());
  });
  parser.on('partsLimit', () => {
    fail(files > settings.mostFiles ? settings.tooMany() : tooManyFields());
  });

  try {
    await pipeline(counted(request, settings), parser);
    await taken;
  } catch (error) {
    failure ??= error instanceof ProblemError ? error : malformed(messageOf(error), error);
    // A reader must not wait for bytes that never come; and nothing of it runs on after this.
    for (const stream of open) stream.destroy(failure instanceof Error ? failure : undefined);
    await taken.catch(() => undefined);
    throw failure;
  }
  if (fields.length === 0 && files === 0) throw malformed('it has no part with a name');
  return fields;
}

/** The bytes of a stream; undefined where it has more than `limit`, when it has been read to its end. */
export async function collect(stream: Readable, limit: number): Promise<Buffer | undefined> {
  const collector = new ByteCollector(limit);
  let fits = true;
  for await (const chunk of stream as AsyncIterable<Buffer>) fits &&= collector.push(chunk);
  return fits ? collector.bytes() : undefined;
}

/** Whether a part is only a browser's sign that no file was chosen: it has neither a name nor a byte. */
export async function isEmptyInput({ name, stream }: FilePart): Promise<boolean> {
  return name === '' && (await collect(stream, 0)) !== undefined;
}

function openParser(request: IncomingMessage, { fileFields, mostFiles }: FormSettings): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': request.headers['content-type'] ?? '' },
      isPartAFile: (field = '', type = '', name) =>
        fileFields.includes(field) || (!isOption(field) && (name !== undefined || isBinary(type))),
      limits: {
        fields: mostFields,
        parts: mostFiles + mostFields + mostEmptyFiles,
        fieldSize: mostFieldBytes,
        headerPairs: 32,
        headerSize: mostFieldBytes,
      },
    });
  } catch (error) {
    throw malformed(messageOf(error), error);
  }
}

/** JavaScript's FormData gives a file name to every Blob, also to JSON. */
function isOption(field: string): boolean {
  return (optionNames as readonly string[]).includes(field);
}

function isBinary(type: string): boolean {
  return type === 'application/octet-stream' || type.startsWith('image/');
}

async function* counted(request: IncomingMessage, { mostBytes, tooLarge }: FormSettings): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of bodyChunks(request)) {
    size += chunk.length;
    if (size > mostBytes) throw tooLarge();
    yield chunk;
  }
}

/** HTML has browsers escape these three in names, and nothing else. */
function unescaped(name: string): string {
  return name.replaceAll(/%0a/gi, '\n').replaceAll(/%0d/gi, '\r').replaceAll('%22', '"');
}

function tooManyFields(): ProblemError {
  return new ProblemError(
    'option_unknown',
    `The form has too many fields. Options are ${optionNames.join(', ')}, each one plain field.`,
  );
}

function malformed(detail: string, cause?: unknown): ProblemError {
  return new ProblemError('multipart_malformed', `The multipart body cannot be read: ${detail}.`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
