/**
 * Pillow as a second opinion, where a Python that has it is at hand: PILLOW_PYTHON, else python3. What it refuses, the service must
 * not take for a picture, but for the kinds of pillow-differences.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('pillow.py', import.meta.url));

export type Opinion =
  | { readonly refused: string | null }
  /** It cannot say: it has no reader for that kind of file, or the file ended it. */
  | { readonly unable: string };

export interface Pillow {
  /** For people: which versions. */
  readonly version: string;
  judge(bytes: Buffer): Promise<Opinion>;
  close(): void;
}

/** Starts it, or says why there is none. */
export async function startPillow(
  python = process.env['PILLOW_PYTHON'] ?? 'python3',
): Promise<Pillow | { readonly missing: string }> {
  const first = await startPython(python);
  if (first === undefined) return { missing: `${python} has no Pillow; PILLOW_PYTHON names one that has` };
  let running: Running | undefined = first;
  let turn: Promise<unknown> = Promise.resolve();
  const ask = async (bytes: Buffer): Promise<Opinion> => {
    running ??= await startPython(python);
    if (running === undefined) return { unable: `${python} does not start again` };
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes.length);
    running.process.stdin?.write(Buffer.concat([head, bytes]));
    const { value, done } = await running.lines.next();
    if (done !== true) return JSON.parse(value) as Opinion;
    running = undefined;
    return { unable: 'Pillow ended' };
  };
  return {
    version: first.version,
    judge: (bytes) => {
      const opinion = turn.then(() => ask(bytes));
      turn = opinion.catch(() => undefined);
      return opinion;
    },
    close: () => running?.process.kill(),
  };
}

interface Running {
  readonly process: ChildProcess;
  readonly lines: AsyncIterator<string, undefined>;
  readonly version: string;
}

async function startPython(python: string): Promise<Running | undefined> {
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => undefined);
  const failed = once(child, 'error').then(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
  const first = await Promise.race([lines.next(), failed]);
  if (first === undefined || first.done === true) return undefined;
  const { pillow, pillow_heif: heif } = JSON.parse(first.value) as { pillow: string; pillow_heif: string | null };
  const version = `Pillow ${pillow}${heif === null ? '' : `, pillow-heif ${heif}`}`;
  return { process: child, lines, version };
}
