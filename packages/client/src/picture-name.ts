import { pictureExtensions } from './picture-extensions.js';

const extensions: ReadonlySet<string> = new Set(pictureExtensions);

/**
 * Whether a file of this name, without its folders, belongs to the pictures of a folder: it is not hidden, and ends as pictures do. An
 * upload or a download under way has another ending. What the file is, only its bytes say.
 */
export function isPictureName(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot > 0 && !name.startsWith('.') && extensions.has(name.slice(dot + 1).toLowerCase());
}
