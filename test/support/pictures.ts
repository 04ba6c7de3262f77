/** Our own pictures, examples/pictures: what each shows is known, and the bundled model says so. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Picture {
  /** Its name in the folder, such as `umbrella.jpg`. */
  readonly file: string;
  /** ImageNet's name of the class; null: it shows none of the 1000. */
  readonly label: string | null;
  /** WordNet's id of the class. */
  readonly wnid: string | null;
}

export const pictureFolder = fileURLToPath(new URL('../../examples/pictures/', import.meta.url));

export const pictures = JSON.parse(readFileSync(`${pictureFolder}pictures.json`, 'utf8')) as readonly Picture[];

/** Those that have a class. */
export const namedPictures = pictures.flatMap(({ file, label, wnid }) =>
  label === null || wnid === null ? [] : [{ file, label, wnid }],
);

/** The path of the picture that shows `label`, such as `wall clock`. */
export function picturePath(label: string): string {
  const found = pictures.find((picture) => picture.label === label);
  if (found === undefined) throw new Error(`There is no picture of a ${label} in ${pictureFolder}.`);
  return pictureFolder + found.file;
}

/** The bytes of the picture that shows `label`. */
export const picture = (label: string): Buffer => readFileSync(picturePath(label));
