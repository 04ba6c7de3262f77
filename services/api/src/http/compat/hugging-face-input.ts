/**
 * What clients of Hugging Face's inference API send for image classification: the picture's bytes, with any content type or none,
 * or `{"inputs": "<base64>" | "<address>", "parameters": {"top_k", "function_to_apply"}}`. The JavaScript client drops parameters
 * where it sends bytes, so they may also stand in the query.
 */
import { ProblemError, type FieldError, type JobOptions } from '@quintet/shared';
import { parseOptions, parseTextOptions } from '../../jobs/index.js';
import { decodeImage, parseDocument, parseUrl } from '../body/json-body.js';

const functions = ['softmax', 'sigmoid', 'none'] as const;
/** What makes scores of the model's values. */
export type ScoreFunction = (typeof functions)[number];

const formats = ['huggingface', 'gradio'] as const;
export type AnswerFormat = (typeof formats)[number];

export interface HuggingFaceInput {
  readonly image: Buffer | URL;
  readonly options: JobOptions;
  readonly score: ScoreFunction;
  readonly format: AnswerFormat;
}

/** Query parameters and `parameters` of the document. */
interface Parameters {
  readonly top_k?: unknown;
  readonly function_to_apply?: unknown;
  readonly format?: unknown;
}

/** What the query says, checked before the body is read. Throws `option_unknown` or `option_invalid`. */
export function readQuery(query: URLSearchParams): Omit<HuggingFaceInput, 'image'> {
  const { top_k, ...rest } = known(Object.fromEntries(query), ['top_k', 'function_to_apply', 'format'], '#');
  const options = parseTextOptions(typeof top_k === 'string' ? [['top_k', top_k]] : []);
  return { options, score: oneOf('function_to_apply', rest, functions), format: oneOf('format', rest, formats) };
}

/** The body, over what the query said. Throws as a submission does. */
export async function readInput(
  body: Buffer,
  isJson: boolean,
  query: Omit<HuggingFaceInput, 'image'>,
): Promise<HuggingFaceInput> {
  if (!isJson) return { ...query, image: body };
  const { inputs, parameters, options: _hints, ...others } = parseDocument(body);
  known(others, [], '#');
  if (inputs === undefined) throw new ProblemError('image_missing', 'The document has no inputs.');
  const given = parameters ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw invalid('parameters must be an object', '#/parameters');
  }
  const { top_k, ...rest } = known({ ...given }, ['top_k', 'function_to_apply'], '#/parameters');
  // Python's None.
  const options = top_k === undefined || top_k === null ? query.options : parseOptions({ top_k });
  const score =
    rest.function_to_apply === undefined || rest.function_to_apply === null
      ? query.score
      : oneOf('function_to_apply', rest, functions);
  const isAddress = typeof inputs === 'string' && /^https?:\/\//i.test(inputs);
  return { ...query, options, score, image: isAddress ? parseUrl(inputs) : await decodeImage(body, inputs, 'inputs') };
}

function known(given: Readonly<Record<string, unknown>>, names: readonly string[], where: string): Parameters {
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length === 0) return given;
  const listed = unknown.slice(0, 8).map((name) => JSON.stringify(name.slice(0, 64)));
  const place = where === '#' ? '' : ' in parameters';
  const allowed = names.length === 0 ? 'inputs, parameters and options' : names.join(', ');
  throw new ProblemError('option_unknown', `Unknown${place}: ${listed.join(', ')}. There are ${allowed}.`);
}

/** The first of `allowed` where nothing is said. */
function oneOf<T extends string>(name: keyof Parameters, given: Parameters, allowed: readonly [T, ...T[]]): T {
  const value = given[name];
  if (value === undefined) return allowed[0];
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  throw invalid(`${name} must be one of ${allowed.join(', ')}`, `#/${name}`);
}

function invalid(detail: string, pointer: string): ProblemError {
  const errors: FieldError[] = [{ detail, pointer }];
  return new ProblemError('option_invalid', `${detail}.`, { errors });
}
