/** The items and the options of a batch, in whichever form they come; items go to a sink as they arrive. */
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { ProblemError } from '@quintet/shared';
import {
  parseBatchOptions,
  tooLargeBatch,
  type BatchInput,
  type BatchOptions,
  type BatchSink,
} from '../../../batches/index.js';
import { joinOptions, readTextOptions } from '../../../jobs/index.js';
import { hasBody, letBodyCome } from '../../drain.js';
import { bodyChunks } from '../read-body.js';
import { multipartOverhead } from '../read-form.js';
import { checkEncoding, mediaType } from '../read-upload.js';
import { contextOf } from '../../request-context.js';
import type { UploadBudget } from '../upload-budget.js';
import type { ArchiveLimits } from './archive-limits.js';
import { readJsonItems } from './json-items.js';
import { formOverhead, readMultipartItems } from './multipart-items.js';
import { peek } from './peek.js';
import { withSpool } from './spool.js';
import { tarItems } from './tar-items.js';
import { zipItems } from './zip-items.js';

/** `archive`: a ZIP or a TAR, as its first bytes say. */
type Form = 'multipart' | 'json' | 'zip' | 'tar' | 'archive';

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
  ['application/octet-stream', 'archive'],
]);

/** How many bytes tell a ZIP from a TAR. */
const zipStart = 4;

/** Whether an archive begins as a ZIP does: with an entry, with its end where it has none, or as the first of several parts. */
function isZip(head: Buffer): boolean {
  return ['PK\u0003\u0004', 'PK\u0005\u0006', 'PK\u0007\b'].includes(head.toString('latin1'));
}

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
    const inQuery = readTextOptions(query);
    // Before the upload comes: what is wrong with the query is none of its faults.
    const options = parseBatchOptions(inQuery);
    letBodyCome(request, response);
    switch (form) {
      case 'multipart': {
        const fields = await readMultipartItems(request, limits, sink);
        return parseBatchOptions(joinOptions(inQuery, readTextOptions(fields)));
      }
      case 'json':
        return withSpool(bodyChunks(request), maxBytes, async (spool) =>
          parseBatchOptions(joinOptions(inQuery, await readJsonItems(spool, limits, sink))),
        );
      case 'archive': {
        const { head, all } = await peek(bodyChunks(request), zipStart);
        if (isZip(head)) await withSpool(all, maxBytes, (spool) => addAll(zipItems(spool, limits), sink));
        else await addAll(tarItems(limited(all, maxBytes), limits), sink);
        return options;
      }
      case 'zip':
        await withSpool(bodyChunks(request), maxBytes, (spool) => addAll(zipItems(spool, limits), sink));
        return options;
      case 'tar':
        await addAll(tarItems(limited(bodyChunks(request), maxBytes), limits), sink);
        return options;
    }
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
      if (form === 'zip' || form === 'json' || form === 'archive')
        giveBack.push(disk.take(Number(told ?? maxBytes), client));
      return await read(form, request, response, query, sink);
    } finally {
      for (const each of giveBack) each();
    }
  };
}

const accepted =
  'multipart/form-data, application/zip, application/x-tar, application/gzip, application/octet-stream or application/json';

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
