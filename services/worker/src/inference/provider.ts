/**
 * Which execution providers to try, in order. `auto` prefers a GPU only where both its library is installed and a
 * device is visible, and always ends with the CPU; a named provider stands alone, so that its absence is an error.
 */
import { existsSync, readdirSync } from 'node:fs';
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
