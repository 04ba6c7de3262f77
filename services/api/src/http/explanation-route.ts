/** GET /v1/jobs/:id/explanation.png. */
import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Client, HeatMapFile } from '../jobs/index.js';
import { splitList } from './header-list.js';
import { jobId } from './job-routes.js';
import { requireAccepted } from './problems.js';
import { contextOf } from './request-context.js';

/**
 * Answers 200 with the heat map, or 304 to who has it. It never changes, so a client may keep it as long as it lives here; only
 * that client, as it is only for the one who submitted the picture.
 */
export function explanationRoute(read: (id: string, client: Client) => Promise<HeatMapFile>): RequestHandler {
  return async (request, response) => {
    const id = jobId(request, response);
    requireAccepted(request, 'image/png');
    const { png, secondsLeft } = await read(id, contextOf(response).client);
    const etag = `"${createHash('sha256').update(png).digest('base64url').slice(0, 27)}"`;
    response.set('Cache-Control', `private, max-age=${secondsLeft}, immutable`).set('ETag', etag);
    if (names(request.headers['if-none-match'], etag)) response.status(304).end();
    else response.type('png').send(png);
  };
}

/**
 * Whether If-None-Match names `etag` (RFC 9110 section 13.1.2). Express looks no further where Cache-Control says no-cache, which
 * `fetch` adds to whoever asks so; an answer from here is as fresh as can be all the same.
 */
function names(header: string | undefined, etag: string): boolean {
  return splitList(header ?? '').some((each) => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}
