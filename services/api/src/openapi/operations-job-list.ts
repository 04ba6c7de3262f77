/** The list of a client's jobs. */
import { jobStatuses } from '@quintet/shared';
import { defaultPageLimit, mostPerPage } from '../http/page-query.js';
import { json, queryParameter, type Operation } from './operation.js';

export const jobListOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/jobs',
    id: 'listJobs',
    tag: 'jobs',
    scope: 'read',
    summary: "The client's jobs, newest first.",
    description:
      'As long as they are kept, items of batches among them; of more than a million, the newest million. A cursor is a place in the ' +
      'list: jobs that are submitted or expire between two pages shift nothing. With `status`, a page may be short or even empty; ' +
      'only a page without `next_cursor` is the last.',
    parameters: [
      queryParameter('status', 'Only those with this status.', { type: 'string', enum: jobStatuses }),
      queryParameter('limit', `How many at most; ${defaultPageLimit} where it is absent.`, {
        type: 'integer',
        minimum: 1,
        maximum: mostPerPage,
      }),
      queryParameter('cursor', 'The `next_cursor` of the page before.', { type: 'string' }),
    ],
    answers: { 200: { description: 'A page of them.', content: json('JobPage') } },
    codes: ['option_invalid', 'option_unknown'],
  },
];
