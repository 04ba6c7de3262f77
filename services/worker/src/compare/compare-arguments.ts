/** What `npm run models -- compare` is asked for. */
import { parseArgs } from 'node:util';
import { UsageError, limitOf, parseFor } from './command-line.js';

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

/** `args`: what stands behind `compare`. Throws UsageError. */
export function parseCompareArguments(args: readonly string[]): CompareArguments {
  const { values, positionals } = parseFor('compare', () =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        images: { type: 'string' },
        limit: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }),
  );
  const [a, b, ...extra] = positionals;
  if (a === undefined || b === undefined) throw new UsageError('compare: the names of two models are missing.');
  if (extra.length > 0) throw new UsageError(`compare: too many arguments: ${extra.join(' ')}.`);
  if (values.images === undefined || values.images === '') {
    throw new UsageError('compare: --images DIR is missing, the folder of the pictures.');
  }
  return { a, b, images: values.images, limit: limitOf('compare', values.limit), json: values.json };
}
