/**
 * `npm run bench -- NAME [options]`: runs one benchmark of this folder, prints its tables, and keeps them below
 * bench/results as JSON and Markdown. Without a name it lists what there is.
 *
 * A benchmark is a module with `summary` (a line), `options` (as parseArgs takes them) and `run({ values, say })`, which
 * resolves to an Outcome (lib/report.mjs). Exit codes: 0 measured, whatever the numbers are; 1 it could not be measured;
 * 2 wrong usage.
 */
import { parseArgs } from 'node:util';
import { build } from '../scripts/lib/build.mjs';
import { ensureDependencies } from '../scripts/lib/dependencies.mjs';
import { root } from '../scripts/lib/project.mjs';

// prettier-ignore
const names = [
  'roofline',
  'limit',
  'system',
  'overhead',
  'queue',
  'listeners',
  'records',
  'cache',
  'decode',
  'normalize',
  'explain',
  'peers',
  'soak',
  'full',
  'client',
  'page',
];

/** @param {string} text */
const say = (text) => process.stderr.write(`bench: ${text}\n`);

async function usage() {
  const lines = ['Usage: npm run bench -- NAME [options]', ''];
  for (const name of names) {
    const { summary, options = {} } = await import(`./${name}.mjs`);
    lines.push(`  ${name.padEnd(10)}${summary}`);
    for (const [option, { default: standard, hint }] of Object.entries(options)) {
      lines.push(`  ${''.padEnd(10)}  --${option} ${hint ?? ''}${standard === undefined ? '' : ` (${standard})`}`);
    }
  }
  return lines.join('\n');
}

/** @param {readonly string[]} args @returns {Promise<number>} the exit code */
async function main([name, ...rest]) {
  await ensureDependencies(root);
  await build(root);
  if (name === undefined || !names.includes(name)) {
    const wanted = name === undefined || ['help', '--help'].includes(name);
    process.stdout.write(`${wanted ? '' : `There is no benchmark ${name}.\n\n`}${await usage()}\n`);
    return wanted ? 0 : 2;
  }
  const benchmark = await import(`./${name}.mjs`);
  let values;
  try {
    ({ values } = parseArgs({ args: rest, options: benchmark.options ?? {}, allowPositionals: false }));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${await usage()}\n`);
    return 2;
  }
  const { report } = await import('./lib/report.mjs');
  const outcome = await benchmark.run({ values, say });
  const { markdown, path } = await report(name, outcome);
  process.stdout.write(`\n${markdown}\nkept as ${path} and .json\n`);
  return 0;
}

// What a benchmark has started is stopped by handlers of 'exit', which a signal alone would not run.
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])) {
  process.once(signal, () => process.exit(code));
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  },
);
