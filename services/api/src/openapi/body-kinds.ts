/** The OpenAPI document with one kind of body for each operation, for generators of clients that take only the first. */
import type { OpenApiDocument } from './document.js';

/** Kinds of body that pictures come in, by the name that is asked for, each with its media type in the document. */
export const bodyKinds = {
  form: 'multipart/form-data',
  json: 'application/json',
  raw: 'application/octet-stream',
} as const;

export type BodyKind = keyof typeof bodyKinds;

export function isBodyKind(name: string): name is BodyKind {
  return Object.hasOwn(bodyKinds, name);
}

interface Called {
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}

/** `document`, in which every operation that takes a body of this kind takes no other. */
export function withOneBody(document: OpenApiDocument, kind: BodyKind): OpenApiDocument {
  const mediaType = bodyKinds[kind];
  const alone = (operation: Called): Called => {
    const { requestBody } = operation;
    const taken = requestBody?.content[mediaType];
    return taken === undefined
      ? operation
      : { ...operation, requestBody: { ...requestBody, content: { [mediaType]: taken } } };
  };
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Called>>>>;
  return {
    ...document,
    paths: Object.fromEntries(
      Object.entries(paths).map(([path, methods]) => [
        path,
        Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, alone(operation)])),
      ]),
    ),
  };
}
