/** Which errors end a whole run, how, and in which words. */
import type { QuintetError } from '../index.js';
import { exitCodes, type ExitCode } from './exit-codes.js';

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
export function fatalCode({ code }: QuintetError): ExitCode | undefined {
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
