/** What `npm run models -- compare` is asked for. */
import { parseArgs } from 'node:util';

export interface CompareArguments {
  /** Names of the two models. */
  readonly a: string;
  readonly b: string;
  /** A folder of pictures. */
  readonly images: string;
  /** Take so many files only; all where absent. */
  readonly limit: number | undefined;
  readonly json: boolean;
}

/** Wrong usage: the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** `args`: what stands behind `compare`. Throws UsageError. */
export function parseCompareArguments(args: readonly string[]): CompareArguments {
  const { values, positionals } = parse(args);
  const [a, b, ...extra] = positionals;
  if (a === undefined || b === undefined) throw new UsageError('compare: the names of two models are missing.');
  if (extra.length > 0) throw new UsageError(`compare: too many arguments: ${extra.join(' ')}.`);
  if (values.images === undefined || values.images === '') {
    throw new UsageError('compare: --images DIR is missing, the folder of the pictures.');
  }
  return { a, b, images: values.images, limit: limitOf(values.limit), json: values.json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        images: { type: 'string' },
        limit: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    const [problem = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(`compare: ${problem}.`, { cause: error });
  }
}

function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new UsageError(`compare: --limit ${JSON.stringify(text)} is not a number of files, from 1.`);
}
