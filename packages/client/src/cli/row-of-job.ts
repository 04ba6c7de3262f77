/** The error of a job that has ended without predictions; of one that is no longer kept, too. */
import { jobError } from '../errors.js';
import { QuintetError, type Job } from '../index.js';

export function jobFailure(job: Job | undefined): QuintetError | undefined {
  if (job === undefined) return new QuintetError('job_not_found', 'The job is no longer kept.');
  return job.status === 'succeeded' ? undefined : jobError(job);
}
