/** The answers are right: the photos of ../shared through the whole service, as `npm run accuracy` measures them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hasShared, shared } from '../support/test-model.js';

const script = fileURLToPath(new URL('../../bench/accuracy.mjs', import.meta.url));

interface Agreement {
  readonly agreement: number;
  readonly mean_score_difference: number;
}

interface Result {
  readonly images: number;
  readonly reference_file: Agreement;
  readonly bare_runtime_with_file: Agreement;
  readonly bare_runtime: Agreement;
  readonly preprocessing: { readonly mean: number };
  readonly passed: boolean;
}

describe.skipIf(!hasShared)('MobileNetV2 over the reference photos (needs ../shared)', () => {
  it('answers as ONNX Runtime does on the reference crops, and as the reference file where this CPU computes like it', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      script,
      ...['--images', `${shared}images`],
      ...['--reference', `${shared}reference/mobilenetv2-top5.json`],
      '--json',
    ]);
    const result = JSON.parse(stdout) as Result;
    expect(result.images).toBe(66);
    expect(result.preprocessing.mean).toBeLessThan(0.7);
    expect(result.bare_runtime.agreement).toBeGreaterThanOrEqual(0.97);
    expect(result.bare_runtime.mean_score_difference).toBeLessThan(0.05);
    // Without VNNI the file's own arithmetic is this CPU's, and the file must be met; with VNNI it cannot be.
    const sameArithmetic = result.bare_runtime_with_file.agreement >= 0.97;
    expect(result.reference_file.agreement).toBeGreaterThanOrEqual(
      sameArithmetic ? 0.97 : result.bare_runtime_with_file.agreement,
    );
    expect(result.passed).toBe(true);
  });
});
