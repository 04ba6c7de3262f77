import { DEFAULT_PREPROCESS, type Manifest, type Preprocess } from './manifest.js';
import { buildResnet50 } from './onnx/resnet50.js';
import { buildResnet50Int8 } from './onnx/resnet50-int8.js';
import type { OnnxModel } from './onnx/encode.js';

export interface CatalogueEntry {
  readonly name: string;
  /** The file's name at its sources and in a mirror (`<MODEL_BASE_URL>/<file>`); in a model folder it is model.onnx. */
  readonly file: string;
  /** SHA-256 in hex and size of the file; absent only where the file is generated. */
  readonly sha256?: string;
  readonly bytes?: number;
  readonly weights: Manifest['weights'];
  readonly description: string;
  readonly license: string;
  /** Public addresses, tried in this order after MODEL_BASE_URL. */
  readonly sources: readonly string[];
  readonly preprocess: Preprocess;
  readonly outputs: Manifest['outputs'];
  readonly classes: number;
  /** Makes the model instead of fetching it; `recipe` changes whenever the bytes would. */
  readonly generate?: { readonly recipe: string; readonly build: () => OnnxModel };
}

const imagenet = { preprocess: DEFAULT_PREPROCESS, outputs: 'logits', classes: 1000 } as const;

/** `onnxmodelzoo/<repository>`, where the Zoo has lived since it left GitHub in 2025. */
const huggingFace = (repository: string): string =>
  `https://huggingface.co/onnxmodelzoo/${repository}/resolve/main/${repository}.onnx`;

/** Large files of github.com/onnx/models: the address that answers with LFS content, not with its pointer. */
const githubLfs = (path: string): string => `https://media.githubusercontent.com/media/onnx/models/main/${path}`;

const ZOO = 'validated/vision/classification';

function zooEntry(
  entry: Pick<CatalogueEntry, 'name' | 'description'> & { file: string; sha256: string; bytes: number },
  folder: string,
): CatalogueEntry {
  const repository = entry.file.replace(/\.onnx$/, '');
  const sources = [huggingFace(repository), githubLfs(`${ZOO}/${folder}/model/${entry.file}`)];
  return { ...imagenet, ...entry, weights: 'pretrained', license: 'Apache-2.0', sources };
}

/** The models that can be had by name. Hashes and sizes are the ONNX Model Zoo's. */
export const catalogue: readonly CatalogueEntry[] = [
  zooEntry(
    {
      name: 'resnet50',
      file: 'resnet50-v1-12.onnx',
      sha256: 'ab65bdc02c5b3123eb3cdf6dac01742438517d8635d4f233913b2be1c70db3b6',
      bytes: 102_576_419,
      description: 'ResNet-50 v1, ONNX Model Zoo, fp32, top-1 74.9 %',
    },
    'resnet',
  ),
  zooEntry(
    {
      name: 'resnet50-int8',
      file: 'resnet50-v1-12-int8.onnx',
      sha256: 'd1a4461aeaa1c7a639a89c806b51f3ad8c228cae0039d3cefd6c6ba406dcec37',
      bytes: 25_815_878,
      description: 'ResNet-50 v1, ONNX Model Zoo, int8',
    },
    'resnet',
  ),
  {
    ...imagenet,
    name: 'resnet50-torchvision',
    file: 'resnet50_Opset17.onnx',
    sha256: 'eb6eabe74f278fb55336e49e639b2367dda69f6f3b0d86dea7ffa9d55e6a0939',
    bytes: 102_146_338,
    weights: 'pretrained',
    description: 'ResNet-50, torch hub export, fp32',
    license: 'Apache-2.0',
    sources: [
      // On Hugging Face the torch hub exports carry their folder's name, in the repository and in the file.
      huggingFace('resnet50_Opset17_torch_hub'),
      githubLfs('Computer_Vision/resnet50_Opset17_torch_hub/resnet50_Opset17.onnx'),
    ],
  },
  // Quantised with unsigned activations and signed weights over their whole range: on x86 CPUs without VNNI its 16-bit
  // sums saturate, and it answers differently (49 instead of 57 of 66 sample photos right) unless the session says
  // `x64quantprecision: '1'`.
  zooEntry(
    {
      name: 'mobilenetv2',
      file: 'mobilenetv2-12-int8.onnx',
      sha256: '83530ad811bc31d2b60a5599a21265a5057608c9b044b4ee758cc22f2309f54f',
      bytes: 3_655_640,
      description: 'MobileNetV2, ONNX Model Zoo, int8: small and fast',
    },
    'mobilenet',
  ),
  {
    ...imagenet,
    name: 'resnet50-demo',
    file: 'resnet50-demo.onnx',
    weights: 'demo',
    description: 'The ResNet-50 graph with generated weights: predictions mean nothing',
    license: 'Apache-2.0',
    sources: [],
    generate: { recipe: 'resnet50-demo/1', build: () => buildResnet50().model },
  },
  {
    ...imagenet,
    name: 'resnet50-demo-int8',
    file: 'resnet50-demo-int8.onnx',
    weights: 'demo',
    description: 'resnet50-demo in int8, for speed where no trained weights can be had: predictions mean nothing',
    license: 'Apache-2.0',
    sources: [],
    generate: { recipe: 'resnet50-demo-int8/2', build: () => buildResnet50Int8().model },
  },
];

export function findCatalogueEntry(
  name: string,
  entries: readonly CatalogueEntry[] = catalogue,
): CatalogueEntry | undefined {
  return entries.find((entry) => entry.name === name);
}
