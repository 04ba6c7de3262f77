/** A small JSON object as the body, for requests without a picture. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProblemError } from '@quintet/shared';
import { parseJson, refuseUtf16 } from '../../parse-json.js';
import { hasBody } from '../drain.js';
import { checkLength, readBody } from './read-body.js';

const mostBytes = 64 * 1024;

/** Reads it. Throws the same problems as a submission does. */
export async function readJsonObject(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Readonly<Record<string, unknown>>> {
  if (!hasBody(request)) throw new ProblemError('body_empty', 'Send a JSON object.');
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json') {
    throw new ProblemError('content_type_unsupported', 'The body must be application/json.');
  }
  checkLength(request, mostBytes);
  const body = await readBody(request, response, mostBytes);
  let value: unknown;
  try {
    refuseUtf16(body);
    value = parseJson(body.toString());
  } catch (error) {
    throw new ProblemError('json_malformed', `The body is not JSON: ${(error as Error).message}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProblemError('json_malformed', 'The body is JSON, but not an object.');
  }
  return { ...value };
}
