/** What this machine is, as far as a measurement or a prepared model depends on it. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '../inference/thread-protocol.js';
import { ownVectorInstructions } from '../inference/vector-instructions.js';
import type { MachineKey } from './profile.js';

export interface KeyOptions {
  /** `sha256:…` of the model's file. */
  readonly model: string;
  readonly provider: Provider;
  readonly cores: number;
  readonly exactInt8: boolean;
  /** The tensor that the file is to output behind its own. */
  readonly features: string | undefined;
}

export function machineKey({ model, provider, cores, exactInt8, features = '' }: KeyOptions): MachineKey {
  return {
    format: 3,
    model,
    provider,
    cpu: cpus()[0]?.model ?? 'unknown',
    instructions: ownVectorInstructions(),
    gpu: provider === 'cpu' ? '' : gpuModels(),
    cores,
    arch: process.arch,
    onnxruntime: onnxRuntimeVersion(),
    exactInt8,
    features,
  };
}

/** 16 hex digits that stand for `value` in file names. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

function onnxRuntimeVersion(): string {
  const path = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** As NVIDIA's driver names them; empty for others, whose profile is then told apart by the rest. */
function gpuModels(): string {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    return readdirSync(folder)
      .map((gpu) => /^Model:\s*(.+)$/m.exec(readFileSync(join(folder, gpu, 'information'), 'utf8'))?.[1] ?? gpu)
      .join(', ');
  } catch {
    return '';
  }
}
