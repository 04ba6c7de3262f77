/** How the command ends: its exit code, which errors end a whole run, and in which words. */
import { jobError } from '../errors.js';
import { QuintetError, type Job } from '../index.js';

/** docs/client.md has the table. */
export const exitCodes = {
  ok: 0,
  /** Some pictures failed, or a webhook is not genuine; the rest is done. */
  failed: 1,
  /** The command line is wrong, or the service refused an option. */
  usage: 2,
  /** The service cannot be used: unreachable, the key is missing or not good enough, no such model. */
  service: 3,
  interrupted: 130,
} as const;

/** Of the service as a whole, whichever picture met it. */
const ofTheService: ReadonlySet<string> = new Set([
  'answer_unreadable',
  'api_key_invalid',
  'api_key_missing',
  'connection_failed',
  'model_not_found',
  'route_not_found',
  'scope_missing',
]);
const ofTheOptions: ReadonlySet<string> = new Set(['explanation_unsupported', 'option_invalid', 'option_unknown']);

/** How the command ends for an error that every further picture would meet too; undefined for one of this picture alone. */
export function fatalCode({ code }: QuintetError): number | undefined {
  if (ofTheService.has(code)) return exitCodes.service;
  return ofTheOptions.has(code) ? exitCodes.usage : undefined;
}

const hints: Readonly<Record<string, string>> = {
  connection_failed: 'Start it with npm start, or say where it is: --url, or QUINTET_URL.',
  answer_unreadable: 'Is that address a Quintet service? Say where it is: --url, or QUINTET_URL.',
  api_key_missing: 'Give one: --key, or QUINTET_API_KEY.',
  api_key_invalid: 'Give another: --key, or QUINTET_API_KEY.',
  model_not_found: 'quintet models lists them.',
};

/** In a line or two. */
export function explain({ code, detail, requestId }: QuintetError): string {
  const hint = hints[code];
  const request = code === 'internal_error' && requestId !== undefined ? ` (request ${requestId})` : '';
  return `${code}: ${detail}${request}${hint === undefined ? '' : ` ${hint}`}`;
}

/** The error of a job that has ended without predictions; of one that is no longer kept, too. */
export function jobFailure(job: Job | undefined): QuintetError | undefined {
  if (job === undefined) return new QuintetError('job_not_found', 'The job is no longer kept.');
  return job.status === 'succeeded' ? undefined : jobError(job);
}
