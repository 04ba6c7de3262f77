/** `multipart/form-data`: one picture in the field `image`, options as fields. */
import type { IncomingMessage } from 'node:http';
import { ProblemError } from '@quintet/shared';
import { tooLarge } from './read-body.js';
import { collect, isEmptyInput, multipartOverhead, readForm } from './read-form.js';

const fileField = 'image';

export interface MultipartUpload {
  readonly image: Buffer;
  readonly fields: readonly (readonly [string, string])[];
}

/** Reads the form of `request`, whose declared length has been checked (read-upload.ts). Throws as readForm does. */
export async function readMultipart(request: IncomingMessage, maxUploadBytes: number): Promise<MultipartUpload> {
  const images: Buffer[] = [];
  const settings = {
    fileFields: [fileField],
    mostFiles: 1,
    mostBytes: maxUploadBytes + multipartOverhead,
    tooLarge: () => tooLarge(maxUploadBytes),
    tooMany: severalFiles,
  };
  const fields = await readForm(request, settings, async (part) => {
    if (images.length > 0 || part.field !== fileField) {
      if (await isEmptyInput(part)) return;
      throw images.length > 0 ? severalFiles() : unexpectedFile(part.field, [fileField]);
    }
    const image = await collect(part.stream, maxUploadBytes);
    if (image === undefined) throw tooLarge(maxUploadBytes);
    if (part.name === '' && image.length === 0) return;
    if (part.name === '') refuseText(fileField, image);
    images.push(image);
  });
  const [image] = images;
  if (image === undefined) {
    throw new ProblemError('image_missing', `The form has no picture in the field ${fileField}.`);
  }
  return { image, fields };
}

export function unexpectedFile(field: string, allowed: readonly string[]): ProblemError {
  return new ProblemError(
    'file_field_unexpected',
    `A file is in the field ${field.slice(0, 64)}; it must be ${allowed.join(' or ')}.`,
  );
}

function severalFiles(): ProblemError {
  return new ProblemError(
    'one_image_per_job',
    'The form has more than one file. Send one picture for each job, or all of them to /v1/batches.',
  );
}

/** A name, a path, or what a language makes of an object that it prints: longer text is judged as a file. */
const longestNote = 255;

/** Refuses text that a client put into `field` where it meant to send a picture, as `image_missing`, with what to do. */
export function refuseText(field: string, bytes: Buffer): void {
  const text = bytes.toString('latin1', 0, 2 * longestNote).trim();
  // eslint-disable-next-line no-control-regex -- control characters are what tells pictures from text
  if (/[\0-\x08\x0e-\x1f]/.test(text)) return;
  const refuse = (what: string, advice: string): ProblemError =>
    new ProblemError('image_missing', `The field ${field} has ${what}. ${advice}`);
  if (/^https?:\/\//i.test(text))
    throw refuse('an address', 'Send the picture itself, or the address in JSON, as image_url.');
  if (/^data:[^,]*;base64,/i.test(text) || /^[\w+/=\r\n-]{64,}$/.test(text)) {
    throw refuse('base64', "Send the picture's bytes, or the base64 in JSON, as image_base64.");
  }
  if (text.length > longestNote || text.includes('\n') || text.startsWith('<')) return;
  const shown = JSON.stringify(Buffer.from(text, 'latin1').toString());
  throw refuse(`the text ${shown}`, `Send the content of the file (curl: -F ${field}=@photo.jpg).`);
}
