/**
 * What only the peers need, installed outside the repository: Python packages into a virtual environment, npm packages into a
 * folder. Both lie below one cache folder named by the hash of what is pinned, so another pin is another folder, and a run
 * after the first installs nothing.
 *
 * npm runs with --ignore-scripts: onnxruntime-node's would download CUDA libraries; its CPU library is in the package.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, runCommand } from '../../scripts/lib/run-command.mjs';

const peers = join(dirname(dirname(fileURLToPath(import.meta.url))), 'peers');
const requirements = join(peers, 'requirements.txt');
/** What the npm peer is, exactly. */
const npmPackages = ['@huggingface/transformers@4.3.1', 'onnxruntime-node@1.30.0', 'sharp@0.35.5'];
/** Tried in this order; the first that is at least 3.11 is taken. */
const pythons = ['python3.12', 'python3.11', 'python3.13', 'python3'];

const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'quintet-bench');

/** @param {string} kind @param {string} pins */
function folderOf(kind, pins) {
  return join(cache, `peers-${kind}-${createHash('sha256').update(pins).digest('hex').slice(0, 12)}`);
}

/**
 * Runs `fill` on an empty folder, unless that was done to its end before.
 * @param {string} folder @param {() => Promise<void>} fill
 */
async function once(folder, fill) {
  const done = join(folder, '.installed');
  if (existsSync(done)) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await fill();
  writeFileSync(done, '');
}

/** @param {string} what @param {string} command @param {readonly string[]} args @param {string} [cwd] */
async function mustRun(what, command, args, cwd) {
  const { code, output, error } = await runCommand(command, args, cwd === undefined ? {} : { cwd });
  if (code === 0) return output;
  throw new Error(`${what}: ${error?.message ?? lastLines(output, 4).join(' ')}`);
}

async function findPython() {
  for (const python of pythons) {
    const test = 'import sys; sys.exit(sys.version_info < (3, 11))';
    if ((await runCommand(python, ['-c', test])).code === 0) return python;
  }
  throw new Error('no Python of at least 3.11 was found; install python3 and python3-venv');
}

/** @typedef {{ bin: string, versions: Record<string, string> }} Environment `bin` is the folder of its programs */

let environment = /** @type {Promise<Environment> | undefined} */ (undefined);

/** Once for all peers, also where it fails. @param {(text: string) => void} say @returns {Promise<Environment>} */
export function installPython(say) {
  environment ??= makeEnvironment(say);
  return environment;
}

/** @param {(text: string) => void} say @returns {Promise<Environment>} */
async function makeEnvironment(say) {
  const folder = folderOf('python', readFileSync(requirements, 'utf8'));
  const bin = join(folder, 'bin');
  await once(folder, async () => {
    const python = await findPython();
    say(`installing the Python peers with ${python} into ${folder}; a minute the first time`);
    await mustRun('no virtual environment (is python3-venv installed?)', python, ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
    await mustRun('pip install', join(bin, 'python'), pip);
  });
  const script = `
import importlib.metadata, json, platform
names = ["litserve", "bentoml", "ray", "onnxruntime", "pillow", "numpy"]
print(json.dumps({"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}))`;
  return { bin, versions: JSON.parse(await mustRun('versions', join(bin, 'python'), ['-c', script])) };
}

/**
 * @param {(text: string) => void} say
 * @returns {Promise<{ folder: string, versions: Record<string, string> }>} where node_modules lies
 */
export async function installNpm(say) {
  const folder = folderOf('npm', npmPackages.join());
  await once(folder, async () => {
    say(`installing the npm peer into ${folder}`);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...npmPackages];
    await mustRun('npm install', 'npm', args, folder);
  });
  const versionOf = (/** @type {string} */ name) =>
    JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  const names = ['@huggingface/transformers', 'onnxruntime-node', 'sharp'];
  return { folder, versions: Object.fromEntries(names.map((name) => [name, versionOf(name)])) };
}
