/** PUT and DELETE /v1/jobs/:id/correction: what a client says that a picture really shows. */
import { correctionRequestSchema, longestLabel, ProblemError, type CorrectionRequest } from '@quintet/shared';
import { correctJob, uncorrectJob } from '../jobs/index.js';
import { json, jsonBodyCodes } from '../openapi/operation.js';
import { origin } from '../openapi/samples.js';
import { readJsonObject } from './body/json-object.js';
import { idParameter, jobId } from './job-routes.js';
import { contextOf } from './request-context.js';
import type { Endpoint } from './route-table.js';

const succeeded = `JOB=$(curl -s -H 'Prefer: wait=10' -F image=@photo.jpg ${origin}/v1/jobs | jq -r .id)`;
const codes = ['job_id_invalid', 'job_not_found', 'job_not_succeeded'] as const;

/** Answers 200 with the job, corrected. */
export const correct: Endpoint = {
  operation: {
    id: 'correctJob',
    tag: 'jobs',
    summary: 'Says what the picture of a job really shows.',
    curl: `${succeeded}\ncurl -X PUT --json '{"label": "tabby"}' ${origin}/v1/jobs/$JOB/correction`,
    description:
      'The label is any text. Where the model of the job has a class of that name, its `wnid` and `index` are noted, too. The ' +
      'correction is kept as long as the job, in the place of an earlier one, and is a member of it, in results of batches as well. ' +
      'It changes nothing else: the predictions stay, and so does the answer that is kept for equal pictures.',
    parameters: [idParameter],
    body: { description: 'The right label.', content: json('CorrectionRequest') },
    answers: { 200: { description: 'The job, with its correction.', content: json('Job') } },
    codes: [...codes, ...jsonBodyCodes, 'storage_full'],
  },
  handler: (api) => async (request, response) => {
    const id = jobId(request, response);
    const asked = parseCorrection(await readJsonObject(request, response));
    response.json(await correctJob(api.jobs, id, asked, contextOf(response).client));
  },
};

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

/** Answers 200 with the job, without a correction. */
export const uncorrect: Endpoint = {
  operation: {
    id: 'uncorrectJob',
    tag: 'jobs',
    summary: 'Takes the correction of a job back; it need not have one.',
    curl: `${succeeded}\ncurl -X DELETE ${origin}/v1/jobs/$JOB/correction`,
    parameters: [idParameter],
    answers: { 200: { description: 'The job, without a correction.', content: json('Job') } },
    codes,
  },
  handler: (api) => async (request, response) => {
    response.json(await uncorrectJob(api.jobs, jobId(request, response), contextOf(response).client));
  },
};
