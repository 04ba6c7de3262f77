/**
 * A Python with the packages of a requirements file, in a folder of the user's cache that later runs use again.
 *
 * States: absent → being made (in a folder beside it, by whoever needs it) → complete (by one rename), and kept. Two that make it at
 * the same time both succeed: the second finds the first's, and throws its own away. The folder's name is of what is in it, so
 * another version is another folder.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const installLimitMs = 300_000;

/** The interpreter, or why there is none. */
export type PythonPackages = { readonly python: string } | { readonly missing: string };

export interface PackagesWanted {
  /** Where they are listed, each with its version: nothing else is installed. */
  readonly requirements: URL;
  /** What they are, for people, and the folder's name: `Python clients`. */
  readonly name: string;
  /** The command that installs them. */
  readonly command: string;
  /** The least Python 3 that they run on: 11 is 3.11. */
  readonly minor?: number;
}

/**
 * Never rejects: without Python, pip or a registry its tests are skipped, and say why. It installs only where that is asked for, as it
 * needs more of the network than npm's registry: `npm test -- clients`, `npm test -- generated` and `.ci/run` do.
 */
export async function pythonPackages({
  requirements,
  name,
  command,
  minor = 0,
}: PackagesWanted): Promise<PythonPackages> {
  try {
    const { stdout } = await run('python3', [
      '-c',
      'import platform; print(platform.python_version(), platform.machine())',
    ]);
    const [version = '', has = ''] = /^3\.(\d+)\S*/.exec(stdout) ?? [];
    if (Number(has) < minor) return { missing: `python3 is ${version}, and 3.${minor} is needed` };
    const key = createHash('sha256').update(stdout).update(readFileSync(requirements)).digest('hex').slice(0, 16);
    const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
    const folder = join(cache, 'quintet-tests', `${name.toLowerCase().replaceAll(' ', '-')}-${key}`);
    if (!existsSync(folder)) {
      if (process.env['QUINTET_INSTALL_CLIENTS'] !== '1') {
        return { missing: `the ${name} are not installed, which \`${command}\` does` };
      }
      await make(folder, fileURLToPath(requirements));
    }
    return { python: join(folder, 'bin', 'python') };
  } catch (error) {
    return { missing: reason(error) };
  }
}

async function make(folder: string, requirements: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}-`);
  try {
    // The user's own pip installs: bringing one along would take longer than all the rest.
    await run('python3', ['-m', 'venv', '--without-pip', draft]);
    const options = ['--quiet', '--no-deps', '--no-compile', '--only-binary', ':all:', '--disable-pip-version-check'];
    await run(
      'python3',
      ['-m', 'pip', '--python', join(draft, 'bin', 'python'), 'install', ...options, '--requirement', requirements],
      { timeout: installLimitMs },
    );
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/** What it failed with: the last line of the program's own words, where it had any. */
function reason(error: unknown): string {
  const { message, stderr, code } = error as Partial<Record<'message' | 'stderr' | 'code', unknown>>;
  if (code === 'ENOENT') return 'there is no python3';
  const lines = typeof stderr === 'string' ? stderr.trim().split('\n') : [];
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? String(message)).slice(0, 200);
}

/** Runs a script; what it prints as JSON. Rejects with its words where it fails. `modules`: a folder of more packages. */
export async function runPython(
  python: string,
  script: URL,
  args: readonly string[],
  modules?: string,
): Promise<unknown> {
  // No package of the user's, and no variable but these.
  const isolated = modules === undefined ? ['-I', '-B'] : ['-s', '-B'];
  const { stdout } = await run(python, [...isolated, fileURLToPath(script), ...args], {
    env: {
      PATH: process.env['PATH'],
      HF_HUB_DISABLE_TELEMETRY: '1',
      NO_PROXY: '*',
      ...(modules === undefined ? {} : { PYTHONPATH: modules }),
    },
    timeout: 180_000,
    maxBuffer: 16 * 1024 * 1024,
  });
  return JSON.parse(stdout) as unknown;
}
