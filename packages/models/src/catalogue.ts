import { fileURLToPath } from 'node:url';
import { ModelError, reasonOf } from './errors.js';
import { importCheckpoint } from './import/import-checkpoint.js';
import { DEFAULT_PREPROCESS, Preprocess, type Manifest } from './load-model.js';
import type { OnnxModel } from './onnx/encode.js';
import { buildResnet50 } from './onnx/resnet50.js';
import { buildResnet50Int8 } from './quantize/resnet50-int8.js';

export interface CatalogueEntry {
  readonly name: string;
  /** The file's name at its sources and in a mirror (`<MODEL_BASE_URL>/<file>`); in a model folder it is model.onnx. */
  readonly file: string;
  /** SHA-256 in hex and size of the file, a checkpoint where there is `convert`; absent only where the file is generated. */
  readonly sha256?: string;
  readonly bytes?: number;
  readonly weights: Manifest['weights'];
  readonly description: string;
  readonly license: string;
  /** Public addresses, tried in this order after MODEL_BASE_URL; a `file:` address beside the code is tried alone. */
  readonly sources: readonly string[];
  readonly preprocess: Preprocess;
  readonly outputs: Manifest['outputs'];
  readonly classes: number;
  /** Makes the model instead of fetching it; `recipe` changes whenever the bytes would. */
  readonly generate?: { readonly recipe: string; readonly build: () => OnnxModel };
  /** The file is a checkpoint: makes the ONNX model of it, always the same one. */
  readonly convert?: (path: string, signal?: AbortSignal) => Promise<OnnxModel>;
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

/** A checkpoint of torchvision's, as its `download_url` names it. */
function torchvisionEntry(
  entry: Pick<CatalogueEntry, 'name' | 'description'> & { file: string; sha256: string; bytes: number },
  preprocess: Preprocess,
): CatalogueEntry {
  return {
    ...imagenet,
    ...entry,
    preprocess,
    weights: 'pretrained',
    license: 'BSD-3-Clause',
    sources: [`https://download.pytorch.org/models/${entry.file}`],
    convert: async (path, signal) => (await importCheckpoint(path, { architecture: 'resnet50', signal })).model,
  };
}

/** packages/models/data/efficientnet-lite0.onnx: to be changed together with that file. */
const BUNDLED = {
  sha256: '0e65124fbc4e37e10c5a0bc7d55d825845e2bcc2c51b055d46c9c5d5a98a286e',
  bytes: 4_981_274,
} as const;

/** The models that can be had by name. Hashes and sizes are those of the files at their publishers. */
export const catalogue: readonly CatalogueEntry[] = [
  torchvisionEntry(
    {
      name: 'resnet50',
      file: 'resnet50-0676ba61.pth',
      sha256: '0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a',
      bytes: 102_530_333,
      description: "ResNet-50, torchvision's IMAGENET1K_V1, fp32, top-1 76.1 %",
    },
    DEFAULT_PREPROCESS,
  ),
  torchvisionEntry(
    {
      name: 'resnet50-v2',
      file: 'resnet50-11ad3fa6.pth',
      sha256: '11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca',
      bytes: 102_540_417,
      description: "ResNet-50, torchvision's IMAGENET1K_V2, fp32, top-1 80.9 %: more often right, less sure of it",
    },
    { ...DEFAULT_PREPROCESS, resize: 232 },
  ),
  zooEntry(
    {
      name: 'resnet50-zoo',
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
    name: 'efficientnet-lite0',
    file: 'efficientnet-lite0.onnx',
    ...BUNDLED,
    weights: 'pretrained',
    description: 'EfficientNet-Lite0, int8: bundled, needs no network',
    license: 'Apache-2.0',
    sources: [new URL('../data/efficientnet-lite0.onnx', import.meta.url).href],
    preprocess: Preprocess.parse({
      resize: 256,
      crop: 224,
      interpolation: 'bicubic',
      mean: [127 / 255, 127 / 255, 127 / 255],
      std: [128 / 255, 128 / 255, 128 / 255],
    }),
    outputs: 'logits',
    classes: 1000,
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

/** What a manifest says of its file, which may be of any type where the manifest is damaged. */
interface FileClaim {
  readonly version?: unknown;
  readonly checkpoint?: unknown;
}

/** Whether a manifest names the file of `entry`, or the model that is made of it. */
export function isFileOf(entry: CatalogueEntry, { version, checkpoint }: FileClaim): boolean {
  return entry.sha256 !== undefined && (entry.convert ? checkpoint : version) === `sha256:${entry.sha256}`;
}

/** The entry whose file a manifest names, under whatever name it is kept. */
export function entryOfFile(claim: FileClaim, entries: readonly CatalogueEntry[]): CatalogueEntry | undefined {
  return entries.find((entry) => isFileOf(entry, claim));
}

/**
 * Where to look for an entry's file, in order: the mirror (`<MODEL_BASE_URL>/<file>`), then the public sources. A file that lies
 * beside the code is looked for nowhere else.
 * Throws ModelError `model_base_url_invalid`.
 */
export function sourcesOf(entry: CatalogueEntry, baseUrl?: string): URL[] {
  const sources = entry.sources.map((source) => new URL(source));
  if (sources.some(({ protocol }) => protocol === 'file:')) return sources;
  const mirror = baseUrl === undefined || baseUrl.trim() === '' ? [] : [mirrorUrl(baseUrl.trim(), entry.file)];
  return [...mirror, ...sources];
}

function mirrorUrl(baseUrl: string, file: string): URL {
  const allowed = 'https://host/folder, http://host/folder or file:///absolute/folder';
  let base: URL;
  try {
    base = new URL(baseUrl);
    if (!['https:', 'http:', 'file:'].includes(base.protocol)) throw new TypeError(`${base.protocol} is not allowed`);
    // A relative file URL (file://models) names a host: fileURLToPath refuses it.
    if (base.protocol === 'file:') fileURLToPath(base);
  } catch (error) {
    const problem = reasonOf(error);
    const shown = baseUrl.replace(/\/\/[^/@]*@/, '//…@');
    const message = `MODEL_BASE_URL is ${JSON.stringify(shown)} (${problem}). It must look like ${allowed}.`;
    throw new ModelError('model_base_url_invalid', message, { cause: error });
  }
  const folder = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  base.pathname = `${folder}${encodeURIComponent(file)}`;
  return base;
}
