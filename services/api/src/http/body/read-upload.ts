/** The picture and the options of a submission, in whichever of the three forms of body they come. */
import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Response } from 'express';
import { ProblemError, type JobOptions } from '@quintet/shared';
import { joinOptions, parseOptions, readTextOptions } from '../../jobs/index.js';
import { hasBody, letBodyCome } from '../drain.js';
import { contextOf } from '../request-context.js';
import { BodyBuffers } from './body-buffers.js';
import { mostOtherBytes, readJsonUpload } from './json-body.js';
import { readMultipart } from './multipart.js';
import { checkLength, readBody, tooLarge } from './read-body.js';
import { multipartOverhead } from './read-form.js';
import { madeOfJson, type UploadBudget } from './upload-budget.js';

export interface Upload {
  /** The picture's bytes, or the address that it is to be fetched from. */
  readonly image: Buffer | URL;
  readonly options: JobOptions;
  /** To be called when nothing refers to the image any more. */
  readonly giveBack?: () => void;
}

export interface UploadReader {
  /** Reads and checks a submission; `use` has the memory of it until it settles, and must keep nothing of the image. */
  <T>(
    request: IncomingMessage,
    response: Response,
    query: URLSearchParams,
    use: (upload: Upload) => Promise<T>,
  ): Promise<T>;
}

/** Memory of bodies that is kept for the next: enough for hundreds of usual photos at once. */
const keptBytes = 32 * 1024 * 1024;

/** Below this, a picture takes well under a millisecond of a turn. */
const largeBytes = 1024 * 1024;

type Form = 'multipart' | 'json' | 'raw';

export function createUploadReader(maxUploadBytes: number, budget: UploadBudget): UploadReader {
  const buffers = new BodyBuffers(keptBytes);
  // Four characters for three bytes; line breaks and escaped slashes of some encoders come on top.
  const limits: Record<Form, number> = {
    multipart: maxUploadBytes + multipartOverhead,
    json: Math.ceil(maxUploadBytes * 1.4) + mostOtherBytes,
    raw: maxUploadBytes,
  };

  const read = async (
    request: IncomingMessage,
    response: Response,
    form: Form,
    query: URLSearchParams,
  ): Promise<Upload> => {
    const inQuery = readTextOptions(query);
    // Before the upload comes: what is wrong with the query is none of its faults.
    const options = parseOptions(inQuery);
    if (form === 'raw') {
      // Node's parser lets no body be longer or shorter than its Content-Length.
      const length = request.headers['content-length'];
      const lease = length === undefined ? undefined : buffers.lend(Number(length));
      const image = await readBody(request, response, limits.raw, { target: lease?.buffer });
      if (image.length === 0) throw bodyEmpty();
      return {
        image,
        options,
        ...(lease && { giveBack: lease.giveBack }),
      };
    }
    if (form === 'multipart') {
      letBodyCome(request, response);
      const { image, fields } = await readMultipart(request, maxUploadBytes);
      return { image, options: parseOptions(joinOptions(inQuery, readTextOptions(fields))) };
    }
    const json = await readBody(request, response, limits.json, { told: maxUploadBytes });
    if (json.length === 0) throw bodyEmpty();
    const { image, options: inBody } = await readJsonUpload(json);
    if (Buffer.isBuffer(image) && image.length > maxUploadBytes) {
      throw tooLarge(maxUploadBytes);
    }
    return { image, options: parseOptions(joinOptions(inQuery, inBody)) };
  };

  return async (request, response, query, use) => {
    if (!hasBody(request)) throw bodyEmpty();
    checkEncoding(request);
    const form = formOf(request);
    checkLength(request, limits[form], maxUploadBytes);
    const length = Number(request.headers['content-length'] ?? limits[form]);
    const held = length + (form === 'json' ? madeOfJson(length, maxUploadBytes) : 0);
    const giveBack = budget.take(held, contextOf(response).limits.key);
    try {
      const upload = await read(request, response, form, query);
      // Joining twenty megabytes takes 10 ms, and sending them to Redis 20 ms more: not in one turn.
      if (Buffer.isBuffer(upload.image) && upload.image.length > largeBytes) await nextTurn();
      const result = await use(upload);
      // Not where it failed: a Redis that was given up may still be sent the image.
      upload.giveBack?.();
      return result;
    } finally {
      giveBack();
    }
  };
}

function bodyEmpty(): ProblemError {
  return new ProblemError('body_empty', 'Send a picture: as multipart/form-data, as the body itself, or in JSON.');
}

/** Refuses a body that is compressed as a whole; `accepted` is what is said to be taken. */
export function checkEncoding(request: IncomingMessage, accepted = 'identity'): void {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === '' || encoding === 'identity') return;
  const wanted = accepted === 'identity' ? 'without a Content-Encoding' : `as one of ${accepted}`;
  throw new ProblemError('content_encoding_unsupported', `Send the body ${wanted}.`, {
    headers: { 'Accept-Encoding': accepted },
  });
}

/** The media type of the body, without its parameters; empty where it has none. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function formOf(request: IncomingMessage): Form {
  const type = mediaType(request);
  if (type === 'multipart/form-data') return 'multipart';
  if (type === 'application/json') return 'json';
  // The bytes say what they are; the type only says that they are the picture itself. S3 and .NET have the last two kinds.
  if (/^(image\/[\w.+*-]+|application\/octet-stream|binary\/octet-stream|)$/.test(type)) return 'raw';
  const advice = type === 'application/x-www-form-urlencoded' ? " (curl: -H 'Content-Type: image/*')" : '';
  throw new ProblemError(
    'content_type_unsupported',
    `Content-Type is ${type.slice(0, 100)}; expected multipart/form-data, image/*, application/octet-stream or ` +
      `application/json${advice}.`,
  );
}
