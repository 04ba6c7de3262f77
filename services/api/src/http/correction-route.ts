/** PUT and DELETE /v1/jobs/:id/correction. */
import type { RequestHandler } from 'express';
import { correctionRequestSchema, longestLabel, ProblemError, type CorrectionRequest } from '@quintet/shared';
import { correctJob, uncorrectJob, type CorrectContext } from '../jobs/index.js';
import { readJsonObject } from './body/json-object.js';
import { jobId } from './job-routes.js';
import { contextOf } from './request-context.js';

/** Answers 200 with the job, corrected. */
export function correctRoute(context: CorrectContext): RequestHandler {
  return async (request, response) => {
    const id = jobId(request, response);
    const asked = parseCorrection(await readJsonObject(request, response));
    response.json(await correctJob(context, id, asked, contextOf(response).client));
  };
}

/** Answers 200 with the job, without a correction. */
export function uncorrectRoute(context: CorrectContext): RequestHandler {
  return async (request, response) => {
    response.json(await uncorrectJob(context, jobId(request, response), contextOf(response).client));
  };
}

const allowed: Readonly<Record<string, string>> = {
  label: `a text of 1 to ${longestLabel} characters, without line breaks`,
  index: 'the number of a class, from 0',
};

function parseCorrection(body: Readonly<Record<string, unknown>>): CorrectionRequest {
  const parsed = correctionRequestSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(allowed, name));
  if (unknown !== undefined) {
    const told = unknown.slice(0, 64).replaceAll(/\p{Surrogate}/gu, '\ufffd');
    throw new ProblemError('option_unknown', `Unknown: ${JSON.stringify(told)}. A correction has label and index.`, {
      errors: [{ detail: 'not a member of a correction', pointer: `#/${encodeURIComponent(told)}` }],
    });
  }
  const name = String(parsed.error.issues[0]?.path[0]);
  const detail = `${name} must be ${allowed[name] ?? 'right'}`;
  throw new ProblemError('option_invalid', `${detail}.`, { errors: [{ detail, pointer: `#/${name}` }] });
}
