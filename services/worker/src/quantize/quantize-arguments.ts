/** What `npm run models -- quantize` is asked for. */
import { parseArgs } from 'node:util';
import { UsageError, limitOf, parseFor } from '../compare/command-line.js';
import { calibrationMethods, type CalibrationMethod } from './value-histogram.js';

export interface QuantizeArguments {
  /** The float32 model's name. */
  readonly name: string;
  /** A folder of pictures: to measure ranges over, unless `ranges` has them, and to compare the two models on. */
  readonly images: string | undefined;
  /** A file of ranges that were measured before. */
  readonly ranges: string | undefined;
  /** Take so many files only; all where absent. */
  readonly limit: number | undefined;
  readonly method: CalibrationMethod;
  readonly narrow: boolean;
}

/** `args`: what stands behind `quantize`. Throws UsageError. */
export function parseQuantizeArguments(args: readonly string[]): QuantizeArguments {
  const { values, positionals } = parseFor('quantize', () =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        images: { type: 'string' },
        ranges: { type: 'string' },
        limit: { type: 'string' },
        method: { type: 'string' },
        narrow: { type: 'boolean', default: false },
      },
    }),
  );
  const [name, ...extra] = positionals;
  if (name === undefined) throw new UsageError('quantize: the name of a model is missing.');
  if (extra.length > 0) throw new UsageError(`quantize: too many arguments: ${extra.join(' ')}.`);
  const [images, ranges] = [values.images || undefined, values.ranges || undefined];
  if (images === undefined && ranges === undefined) {
    throw new UsageError('quantize: --images DIR is missing, a folder of pictures like those that the model will see.');
  }
  if (ranges !== undefined && values.method !== undefined) {
    throw new UsageError('quantize: --method says how ranges are measured, and --ranges has them already: give one.');
  }
  const method = calibrationMethods.find((each) => each === (values.method ?? 'minmax'));
  if (method === undefined) {
    const given = JSON.stringify(values.method);
    throw new UsageError(`quantize: --method ${given} is not one of ${calibrationMethods.join(', ')}.`);
  }
  return { name, images, ranges, limit: limitOf('quantize', values.limit), method, narrow: values.narrow };
}
