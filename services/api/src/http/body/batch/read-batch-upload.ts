/** The items and the options of a batch, in whichever form they come; items go to a sink as they arrive. */
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { ProblemError } from '@quintet/shared';
import {
  parseBatchOptions,
  parseBatchTextOptions,
  tooLargeBatch,
  type BatchInput,
  type BatchOptions,
  type BatchSink,
} from '../../../batches/index.js';
import { hasBody, letBodyCome } from '../../drain.js';
import { bodyChunks } from '../read-body.js';
import { multipartOverhead } from '../read-form.js';
import { checkEncoding, mediaType, refuseQuery } from '../read-upload.js';
import { contextOf } from '../../request-context.js';
import type { UploadBudget } from '../upload-budget.js';
import type { ArchiveLimits } from './archive-limits.js';
import { readJsonItems } from './json-items.js';
import { formOverhead, readMultipartItems } from './multipart-items.js';
import { withSpool } from './spool.js';
import { tarItems } from './tar-items.js';
import { zipItems } from './zip-items.js';

type Form = 'multipart' | 'json' | 'zip' | 'tar';

const forms = new Map<string, Form>([
  ['multipart/form-data', 'multipart'],
  ['application/json', 'json'],
  ['application/zip', 'zip'],
  ['application/x-zip-compressed', 'zip'],
  ['application/x-tar', 'tar'],
  ['application/x-gtar', 'tar'],
  ['application/gzip', 'tar'],
  ['application/x-gzip', 'tar'],
  ['application/x-compressed-tar', 'tar'],
]);

export type BatchUploadReader = (
  request: IncomingMessage,
  response: Response,
  query: URLSearchParams,
  sink: BatchSink,
) => Promise<BatchOptions>;

export interface BatchUploadLimits extends ArchiveLimits {
  /** Bounds what uploads take together in memory, and on disk. */
  readonly memory: UploadBudget;
  readonly disk: UploadBudget;
}

export function createBatchUploadReader(limits: BatchUploadLimits): BatchUploadReader {
  const { maxItems, maxBytes, maxItemBytes, memory, disk } = limits;

  const read = async (
    form: Form,
    request: IncomingMessage,
    response: Response,
    query: URLSearchParams,
    sink: BatchSink,
  ): Promise<BatchOptions> => {
    if (form === 'multipart' || form === 'json') {
      refuseQuery(query, form);
      if (form === 'multipart') {
        letBodyCome(request, response);
        return parseBatchTextOptions(await readMultipartItems(request, limits, sink));
      }
      letBodyCome(request, response);
      return withSpool(bodyChunks(request), maxBytes, async (spool) =>
        parseBatchOptions(await readJsonItems(spool, limits, sink)),
      );
    }
    const options = parseBatchTextOptions(query);
    letBodyCome(request, response);
    if (form === 'tar') {
      await addAll(tarItems(limited(bodyChunks(request), maxBytes), limits), sink);
    } else {
      await withSpool(bodyChunks(request), maxBytes, (spool) => addAll(zipItems(spool, limits), sink));
    }
    return options;
  };

  return async (request, response, query, sink) => {
    if (!hasBody(request)) throw new ProblemError('body_empty', `Send pictures: ${accepted}.`);
    checkEncoding(request);
    const form = forms.get(mediaType(request));
    if (form === undefined) {
      throw new ProblemError(
        'content_type_unsupported',
        `The body has no Content-Type that is accepted; expected ${accepted}.`,
      );
    }
    const told = request.headers['content-length'];
    if (told !== undefined && Number(told) > maxBytes + (form === 'multipart' ? formOverhead(maxItems) : 0))
      throw tooLargeBatch(maxBytes);
    // The picture that is read and the one that is on its way to Redis, with what joins and decodes them.
    const client = contextOf(response).limits.key;
    const inMemory = Math.min(3 * maxItemBytes, 2 * Number(told ?? Infinity) + multipartOverhead);
    const giveBack = [memory.take(inMemory, client)];
    try {
      if (form === 'zip' || form === 'json') giveBack.push(disk.take(Number(told ?? maxBytes), client));
      return await read(form, request, response, query, sink);
    } finally {
      for (const each of giveBack) each();
    }
  };
}

const accepted = 'multipart/form-data, application/zip, application/x-tar, application/gzip or application/json';

async function addAll(items: AsyncIterable<BatchInput>, sink: BatchSink): Promise<void> {
  for await (const item of items) await sink.add(item);
}

async function* limited(chunks: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw tooLargeBatch(limit);
    yield chunk;
  }
}
