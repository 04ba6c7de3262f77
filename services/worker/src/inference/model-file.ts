/** How a model's file is to be opened here, and what is known of its end. */
import { NoLinearHead, readLinearHead, type LinearHead, type Model } from '@quintet/models';
import type { ConfigOf, workerVariables } from '@quintet/shared';
import type { HeadSettings } from '../explain/class-map.js';
import type { ModelFile } from './thread-protocol.js';

export interface OpenedModel {
  readonly file: ModelFile;
  /** What its answers are explained by; where they cannot be, the reason. */
  readonly head: HeadSettings | { readonly reason: string };
}

/**
 * A model whose weights cannot saturate runs as it is. One that could is run exactly, unless speed was asked for: on x86
 * CPUs without VNNI its answers would differ from those it was judged by (session-options.ts).
 */
export async function modelFile(
  { modelPath, labels }: Model,
  arithmetic: ConfigOf<typeof workerVariables>['INT8_ARITHMETIC'],
): Promise<OpenedModel> {
  const file: ModelFile = { path: modelPath, prepared: false, exactInt8: arithmetic === 'exact' };
  const head = await readLinearHead(modelPath).catch((error: unknown) => {
    // A file that cannot be read is told of when it is opened to be run.
    return error instanceof Error ? error : new NoLinearHead(String(error));
  });
  if (head instanceof Error) return { file, head: { reason: head.message } };
  if (head.classes !== labels.length) {
    return {
      file,
      head: { reason: `its last layer has ${head.classes} classes, and there are ${labels.length} labels` },
    };
  }
  const extension = { output: head.features, bytes: head.extension };
  return { file: { ...file, extension }, head: headSettings(head) };
}

function headSettings({ features, scale, zeroPoint, layout, channels, weights }: LinearHead): HeadSettings {
  const shared = new SharedArrayBuffer(weights.byteLength);
  new Float32Array(shared).set(weights);
  return { features, scale, zeroPoint, layout, channels, weights: shared };
}
