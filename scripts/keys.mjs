// `npm run keys -- create NAME [--scopes submit,read] [--rate-per-minute N] [--concurrency N] [--file keys.json]`: makes an
// API key and says it once; what the service is given is its entry, which does not contain it. docs/security.md says more.
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importBuilt } from './lib/project.mjs';

const usage =
  'Usage: npm run keys -- create NAME [--scopes submit,read,admin] [--rate-per-minute N] [--concurrency N] [--file FILE]\n' +
  '  --file  adds the entry to FILE, which API_KEYS_FILE names; a running service takes it up within seconds\n';

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** @param {string | undefined} text @param {string} name */
function wholeNumber(text, name) {
  if (text === undefined) return undefined;
  if (!/^\d{1,8}$/.test(text)) fail(`--${name} must be a whole number, not ${text}.\n${usage}`);
  return Number(text);
}

/**
 * Adds `entry` to the list in `file`, in one step: a service that reads it finds the old list or the new one.
 * @param {string} file @param {object} entry @param {(json: string) => object[]} parse
 */
function addTo(file, entry, parse) {
  const before = existsSync(file) ? parse(readFileSync(file, 'utf8')) : [];
  const list = [...before, entry];
  parse(JSON.stringify(list));
  const mode = existsSync(file) ? statSync(file).mode : 0o600;
  const next = `${file}.new`;
  writeFileSync(next, `${JSON.stringify(list, undefined, 2)}\n`, { mode });
  renameSync(next, file);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        scopes: { type: 'string', default: 'submit,read' },
        'rate-per-minute': { type: 'string' },
        concurrency: { type: 'string' },
        file: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

const { values, positionals } = readArguments();
const [command, name, ...rest] = positionals;
if (values.help) {
  process.stdout.write(usage);
} else {
  if (command !== 'create' || name === undefined || rest.length > 0) fail(usage);
  const { apiScopes, createApiKey, parseApiKeys } = await importBuilt('packages/shared/dist/api-key.js');
  const scopes = values.scopes.split(',').map((scope) => scope.trim());
  for (const scope of scopes) {
    if (!apiScopes.includes(scope)) fail(`There is no scope ${scope}; scopes are ${apiScopes.join(', ')}.`);
  }
  const rate = wholeNumber(values['rate-per-minute'], 'rate-per-minute');
  const concurrency = wholeNumber(values.concurrency, 'concurrency');
  let made;
  try {
    made = createApiKey(name, scopes);
  } catch {
    fail(`${name} cannot be a name: up to 64 letters, digits, dots, dashes and underscores.`);
  }
  const entry = {
    ...made.entry,
    ...(rate === undefined ? {} : { rate_per_minute: rate }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  const file = values.file === undefined ? undefined : resolve(process.env['INIT_CWD'] ?? '.', values.file);
  if (file !== undefined) {
    try {
      addTo(file, entry, parseApiKeys);
    } catch (error) {
      fail(`${file} was left as it is: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
  process.stdout.write(
    `Key of ${name}, shown this once; give it to the client:\n\n  ${made.key}\n\n` +
      (file === undefined
        ? `Entry for the list in API_KEYS or API_KEYS_FILE:\n\n  ${JSON.stringify(entry)}\n`
        : `Its entry was added to ${file}.\n`),
  );
}
