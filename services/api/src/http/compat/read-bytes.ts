/** The body of a request in another protocol, whatever its Content-Type says: bytes, bounded as every upload is. */
import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import type { Response } from 'express';
import { ByteCollector, ProblemError } from '@quintet/shared';
import { checkLength, readBody, tooLarge } from '../body/read-body.js';
import { checkEncoding } from '../body/read-upload.js';
import { madeOfJson, type UploadBudget } from '../body/upload-budget.js';
import { hasBody } from '../drain.js';
import { contextOf } from '../request-context.js';

export interface BytesLimits {
  /** Most bytes of the body, unpacked where it is compressed. */
  readonly most: number;
  /** The limit that a refusal names, where that is another. */
  readonly told?: number;
  /** Whether the body may come with `Content-Encoding: gzip` or `deflate`. */
  readonly compressed: boolean;
  /** Whether it is JSON, of which pictures or numbers are made while it is still there. */
  readonly isJson: boolean;
}

export interface BytesReader {
  /** Reads the body; `use` has the memory of it until it settles. Throws as a submission does. */
  <T>(request: IncomingMessage, response: Response, limits: BytesLimits, use: (body: Buffer) => Promise<T>): Promise<T>;
}

/** As HTTP has it, `deflate` is zlib's format. */
const unpackers = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
]);

export function createBytesReader(budget: UploadBudget): BytesReader {
  return async (request, response, { most, told = most, compressed, isJson }, use) => {
    if (!hasBody(request)) throw new ProblemError('body_empty', 'The request has no body.');
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
    const unpack = compressed ? unpackers.get(encoding) : undefined;
    if (unpack === undefined) checkEncoding(request, compressed ? 'gzip, deflate, identity' : 'identity');
    checkLength(request, most, told);
    const length = Number(request.headers['content-length'] ?? most);
    // Unpacked it may be as large as any, and while that goes on there are both.
    const whole = unpack === undefined ? length : most;
    const held = whole + (unpack === undefined ? 0 : length) + (isJson ? madeOfJson(whole, told) : 0);
    const giveBack = budget.take(held, contextOf(response).limits.key);
    try {
      const body = await readBody(request, response, most, { told });
      if (body.length === 0) throw new ProblemError('body_empty', 'The request has no body.');
      return await use(unpack === undefined ? body : await unpacked(unpack(), body, encoding, { most, told }));
    } finally {
      giveBack();
    }
  };
}

async function unpacked(
  unpacker: Gunzip | Inflate,
  body: Buffer,
  encoding: string,
  { most, told }: { readonly most: number; readonly told: number },
): Promise<Buffer> {
  const collector = new ByteCollector(most);
  unpacker.end(body);
  try {
    for await (const chunk of unpacker as AsyncIterable<Buffer>) if (!collector.push(chunk)) throw tooLarge(told);
    return collector.bytes();
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError('infer_request_invalid', `The body is not what its Content-Encoding says, ${encoding}.`);
  }
}
