/**
 * This machine, as far as inference goes: its execution providers and its vector instructions.
 *
 * Which providers to try, in order. `auto` prefers a GPU only where both its library is installed and a
 * device is visible, and always ends with the CPU; a named provider stands alone, so that its absence is an error.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Provider } from './thread-protocol.js';

export interface Hardware {
  /** Providers that the installed ONNX Runtime carries. */
  readonly bundled: ReadonlySet<string>;
  readonly nvidia: boolean;
  readonly renderNode: boolean;
}

export function providersToTry(setting: 'auto' | Provider, hardware: Hardware): readonly Provider[] {
  if (setting !== 'auto') return [setting];
  const providers: Provider[] = [];
  if (hardware.nvidia && hardware.bundled.has('cuda')) providers.push('cuda');
  if ((hardware.nvidia || hardware.renderNode) && hardware.bundled.has('webgpu')) providers.push('webgpu');
  return [...providers, 'cpu'];
}

/** What a person can do about a named provider that does not start. */
export function providerAdvice(provider: Provider): string {
  switch (provider) {
    case 'cuda':
      return (
        'EXECUTION_PROVIDER=cuda needs an NVIDIA GPU with its driver, CUDA and cuDNN, and the CUDA libraries of ' +
        'onnxruntime-node (docker-compose.gpu.yml installs them); EXECUTION_PROVIDER=auto falls back to the CPU'
      );
    case 'webgpu':
      return 'EXECUTION_PROVIDER=webgpu needs a GPU with a Vulkan driver and libvulkan1; EXECUTION_PROVIDER=auto falls back to the CPU';
    case 'cpu':
      return 'the model cannot run on the CPU';
  }
}

/** Looks at this machine. CUDA is a separate library beside ONNX Runtime's binding, on disk or not. */
export function detectHardware(bundled: readonly string[]): Hardware {
  const found = new Set(bundled);
  const binding = join(
    dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')),
    `bin/napi-v6/${process.platform}/${process.arch}`,
  );
  if (existsSync(join(binding, 'libonnxruntime_providers_cuda.so'))) found.add('cuda');
  else found.delete('cuda');
  return { bundled: found, nvidia: existsSync('/dev/nvidiactl'), renderNode: hasRenderNode() };
}

function hasRenderNode(): boolean {
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}

/**
 * To be called before ONNX Runtime is loaded. Since 1.29 its official builds send usage events to their maker, keep a device id in the home
 * folder and a cache in the working directory, unless ORT_DISABLE_TELEMETRY=1 stands in the environment before the library
 * starts. A service that a company puts in front of its own traffic does none of that; who wants it sets the variable.
 * Source: microsoft/onnxruntime pull requests 27379 and 29843.
 */
export function disableTelemetry(): void {
  // On the main thread this reaches the C environment, which all threads share; in a worker thread it would not.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}

/** Names of the execution providers that the installed ONNX Runtime bundles. Loads the library, holds no session. */
export async function bundledBackends(): Promise<string[]> {
  disableTelemetry();
  const { listSupportedBackends } = await import('onnxruntime-node');
  return listSupportedBackends().map(({ name }) => name);
}

/** Those of this machine, as `vectorInstructions` says them. */
export function ownVectorInstructions(): string {
  try {
    return vectorInstructions(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return '';
  }
}

/**
 * The vector instructions that /proc/cpuinfo's text names, in alphabetical order; empty where it names none. A virtual machine's
 * model name may only be "AMD EPYC", for processors of four generations: what ONNX Runtime lays out for AVX-512 is wrong for
 * AVX2.
 */
export function vectorInstructions(info: string): string {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.trim().split(/\s+/) ?? [];
  return [...new Set(flags)]
    .filter((flag) => /^(avx|amx|fma|f16c|sse4|asimd|sve|sme|i8mm|bf16)/.test(flag))
    .sort()
    .join(' ');
}

/**
 * Whether ONNX Runtime's sums of uint8 times int8 may saturate here: on x86 without VNNI, where a pair of products is added in
 * 16 bits. Where the instructions are unknown, they may. Source: MLAS's lib/platform.cpp, which chooses the kernels.
 */
export function int8MaySaturate(arch: string, instructions: string): boolean {
  return arch === 'x64' && !/\bavx(512)?_vnni\b/.test(instructions);
}
