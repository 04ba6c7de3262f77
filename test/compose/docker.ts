/** Whether containers can be run here, and the ways to run them that this project's tests share. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { repositoryFile } from './dashboard.js';

/** No image registry can be reached here, so Testcontainers' clean-up container cannot be had; each test cleans up itself. */
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';

const engineTool = fileURLToPath(repositoryFile('../shared/tools/docker-engine'));

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

const daemonAnswers = (): boolean => succeeds('docker', 'info');

/** Why the container tests do not run, or undefined where they do: in CI, when asked for, or where Docker is. */
export function reasonToSkip(): string | undefined {
  const asked = (process.env['CI'] ?? '') !== '' || process.env['COMPOSE_TEST'] === '1';
  return asked || daemonAnswers() ? undefined : 'no Docker daemon answers; `npm test -- compose` insists on one';
}

/** Makes sure that a daemon answers, by starting one if need be. Returns what undoes it. */
export function ensureDocker(): () => void {
  if (daemonAnswers()) return () => undefined;
  if (!existsSync(engineTool) || process.getuid?.() !== 0) {
    throw new Error('No Docker daemon answers (`docker info` fails). Start one, or run the other tests only.');
  }
  const { status } = spawnSync(engineTool, ['up'], { stdio: ['ignore', 'inherit', 'inherit'], timeout: 420_000 });
  if (status !== 0) throw new Error(`${engineTool} up failed`);
  return () => {
    spawnSync(engineTool, ['down'], { stdio: 'ignore' });
  };
}

/** How compose is called here: docker-compose 1.29 where the plugin (`docker compose`) is not installed. */
export function composeExecutable(): { standalone: true; executablePath: string } | undefined {
  if (succeeds('docker', 'compose', 'version')) return undefined;
  if (succeeds('docker-compose', 'version')) return { standalone: true, executablePath: 'docker-compose' };
  throw new Error('Neither `docker compose` nor `docker-compose` is installed.');
}
