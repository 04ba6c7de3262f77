/** GET /v1/jobs/:id/explanation.png. */
import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import { ProblemError } from '@quintet/shared';
import type { Client, HeatMapFile } from '../jobs/index.js';
import { jobId } from './job-routes.js';
import { contextOf } from './request-context.js';

/**
 * Answers 200 with the heat map, or 304 to who has it. It never changes, so a client may keep it as long as it lives here; only
 * that client, as it is only for the one who submitted the picture.
 */
export function explanationRoute(read: (id: string, client: Client) => Promise<HeatMapFile>): RequestHandler {
  return async (request, response) => {
    const id = jobId(request, response);
    if (request.accepts('image/png') === false) {
      throw new ProblemError('not_acceptable', 'This address answers with image/png, which Accept excludes.');
    }
    const { png, secondsLeft } = await read(id, contextOf(response).client);
    response
      .set('Cache-Control', `private, max-age=${secondsLeft}, immutable`)
      .set('ETag', `"${createHash('sha256').update(png).digest('base64url').slice(0, 27)}"`)
      .type('png')
      .send(png);
  };
}
