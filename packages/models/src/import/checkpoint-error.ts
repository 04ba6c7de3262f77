import { ModelError } from '../errors.js';

/** The file is damaged, or no checkpoint. The message continues the file's name. */
export const invalid = (problem: string, cause?: unknown): ModelError =>
  new ModelError('checkpoint_invalid', `${problem}. Download it again, or save it again.`, { cause });

/** The file may be good, but it is not read here. */
export const refused = (problem: string): ModelError => new ModelError('checkpoint_refused', `${problem}.`);
