/** The body of a request in another protocol, whatever its Content-Type says: bytes, bounded as every upload is. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import type { Response } from 'express';
import { ProblemError } from '@quintet/shared';
import { checkLength, readBody, tooLarge } from '../body/read-body.js';
import { checkEncoding } from '../body/read-upload.js';
import type { UploadBudget } from '../body/upload-budget.js';
import { hasBody } from '../drain.js';
import { contextOf } from '../request-context.js';

export interface BytesLimits {
  /** Most bytes of the body, unpacked where it is compressed. */
  readonly most: number;
  /** The limit that a refusal names, where that is another. */
  readonly told?: number;
  /** Whether the body may come with `Content-Encoding: gzip` or `deflate`. */
  readonly compressed: boolean;
}

export interface BytesReader {
  /** Reads the body; `use` has the memory of it until it settles. Throws as a submission does. */
  <T>(request: IncomingMessage, response: Response, limits: BytesLimits, use: (body: Buffer) => Promise<T>): Promise<T>;
}

/** As HTTP has it, `deflate` is zlib's format. */
const unpackers = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
]);

export function createBytesReader(budget: UploadBudget): BytesReader {
  return async (request, response, { most, told = most, compressed }, use) => {
    if (!hasBody(request)) throw new ProblemError('body_empty', 'The request has no body.');
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
    const unpack = compressed ? unpackers.get(encoding) : undefined;
    if (unpack === undefined) checkEncoding(request, compressed ? 'gzip, deflate, identity' : 'identity');
    checkLength(request, most, told);
    const length = Number(request.headers['content-length'] ?? most);
    // Unpacked it may be as large as any, and while that goes on there are both.
    const giveBack = budget.take(unpack === undefined ? length : length + most, contextOf(response).limits.key);
    try {
      const body = await readBody(request, response, most, { told });
      if (body.length === 0) throw new ProblemError('body_empty', 'The request has no body.');
      return await use(unpack === undefined ? body : await unpacked(unpack, body, encoding, { most, told }));
    } finally {
      giveBack();
    }
  };
}

async function unpacked(
  unpack: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
  body: Buffer,
  encoding: string,
  { most, told }: { readonly most: number; readonly told: number },
): Promise<Buffer> {
  try {
    return await unpack(body, { maxOutputLength: most });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(told);
    throw new ProblemError('infer_request_invalid', `The body is not what its Content-Encoding says, ${encoding}.`);
  }
}
