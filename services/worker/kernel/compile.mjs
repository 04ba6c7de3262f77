/**
 * Compiles resample.wat and writes src/preprocess/resample-kernel.ts, which is committed: neither the build nor the product
 * needs a WebAssembly compiler. A test compares the two.
 *
 *   node services/worker/kernel/compile.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const source = readFileSync(new URL('resample.wat', import.meta.url), 'utf8');
const { parseWat } = await wabt();
const module = parseWat('resample.wat', source, { simd: true });
module.validate();
const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
const lines = base64.match(/.{1,110}/g) ?? [];
const code = `/** Written by kernel/compile.mjs from kernel/resample.wat, where the comments are. */
export const resampleKernel = \`
${lines.join('\n')}
\`;
`;
writeFileSync(new URL('../src/preprocess/resample-kernel.ts', import.meta.url), code);
