/** Why a model cannot be had. `model_unreachable` alone means that another try, or another model, may do. */
export type ModelErrorCode =
  /** Neither in the models directory nor in the catalogue. */
  | 'model_not_found'
  /** Not a name: see MODEL_NAME. */
  | 'model_name_invalid'
  /** manifest.json is missing, is not JSON, or does not fit the schema. */
  | 'model_manifest_invalid'
  /** The manifest names a file that is not there. */
  | 'model_file_missing'
  /** The bytes are not the ones that the manifest or the catalogue names. */
  | 'model_hash_mismatch'
  /** labels.tsv is missing or malformed. */
  | 'labels_invalid'
  /** Every source failed: no network, no mirror, no such file. */
  | 'model_unreachable'
  /** MODEL_BASE_URL is not an http, https or file URL. */
  | 'model_base_url_invalid'
  /** The models directory cannot be written. */
  | 'models_dir_unwritable'
  | 'disk_full'
  /** A file to import that is not there, or not readable. */
  | 'checkpoint_unreadable'
  /** A file to import that is cut off or damaged. */
  | 'checkpoint_invalid'
  /** A file to import that is no checkpoint, holds more than is read without executing it, or is of a network not known. */
  | 'checkpoint_refused'
  /** The name of an architecture that is not known. */
  | 'architecture_unknown'
  /** There is a model folder of that name already. */
  | 'model_exists'
  /** The caller's signal was aborted; what was downloaded is kept for the next try. */
  | 'model_fetch_aborted';

/** An error whose message says what happened and what to do next. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The message of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node.js system error, e.g. ENOENT. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR']);

/** Turns a failure to write below `dir` into a ModelError; anything else comes back as it is. */
export function writeError(error: unknown, dir: string): unknown {
  const code = systemCode(error);
  if (error instanceof ModelError || code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const next = 'Free some space, or set MODELS_DIR to a folder on another disk, and start again.';
    return new ModelError('disk_full', `The disk of ${dir} is full (${code}). ${next}`, { cause: error });
  }
  if (UNWRITABLE.has(code)) {
    const next = 'Make it writable for this user, or set MODELS_DIR to a folder that is.';
    return new ModelError('models_dir_unwritable', `Cannot write to ${dir} (${code}). ${next}`, { cause: error });
  }
  return error;
}

/** Throws the abort as a ModelError, so that callers have one kind of failure. */
export function throwIfAborted(signal: AbortSignal | undefined, name: string): void {
  if (signal?.aborted !== true) return;
  const message = `Fetching ${name} was stopped; the next try goes on where it ended.`;
  throw new ModelError('model_fetch_aborted', message, { cause: signal.reason });
}
