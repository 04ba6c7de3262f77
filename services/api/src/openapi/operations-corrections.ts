/** Operations on what a client says that a picture really shows. */
import { origin } from './curl.js';
import { idParameter, json, jsonBodyCodes, type Operation } from './operation.js';

const jobId = idParameter('id', "The job's id.");
const path = '/v1/jobs/{id}/correction';
const succeeded = `JOB=$(curl -s -H 'Prefer: wait=10' -F image=@photo.jpg ${origin}/v1/jobs | jq -r .id)`;
const codes = ['job_id_invalid', 'job_not_found', 'job_not_succeeded'] as const;

export const correctionOperations: readonly Operation[] = [
  {
    method: 'put',
    path,
    id: 'correctJob',
    tag: 'jobs',
    scope: 'submit',
    summary: 'Says what the picture of a job really shows.',
    curl: `${succeeded}\ncurl -X PUT --json '{"label": "tabby"}' ${origin}/v1/jobs/$JOB/correction`,
    description:
      'The label is any text. Where the model of the job has a class of that name, its `wnid` and `index` are noted, too. The ' +
      'correction is kept as long as the job, in the place of an earlier one, and is a member of it, in results of batches as well. ' +
      'It changes nothing else: the predictions stay, and so does the answer that is kept for equal pictures.',
    parameters: [jobId],
    body: { description: 'The right label.', content: json('CorrectionRequest') },
    answers: { 200: { description: 'The job, with its correction.', content: json('Job') } },
    codes: [...codes, ...jsonBodyCodes, 'storage_full'],
  },
  {
    method: 'delete',
    path,
    id: 'uncorrectJob',
    tag: 'jobs',
    scope: 'submit',
    summary: 'Takes the correction of a job back; it need not have one.',
    curl: `${succeeded}\ncurl -X DELETE ${origin}/v1/jobs/$JOB/correction`,
    parameters: [jobId],
    answers: { 200: { description: 'The job, without a correction.', content: json('Job') } },
    codes,
  },
  {
    method: 'get',
    path: '/v1/models/{model}/labels',
    id: 'listLabels',
    tag: 'service',
    scope: 'read',
    summary: 'The classes of a model.',
    description: 'As the worker of the model that started last has them, also while none lives.',
    parameters: [
      { in: 'path', name: 'model', description: 'The name of the model.', required: true, schema: { type: 'string' } },
    ],
    answers: { 200: { description: 'The classes, in the order of their numbers.', content: json('LabelList') } },
    codes: ['model_not_found'],
  },
];
