/**
 * What packages/client has written for it: its types, from the OpenAPI document (what its schemas say, without the routes, which the client is
 * code for), and the endings of the names of pictures.
 */
import { format, resolveConfig } from 'prettier';
import openapiTypescript, { astToString } from 'openapi-typescript';

/** Where the types are kept. */
export const clientTypesFile = 'packages/client/src/openapi.ts';

/** Where the endings of names are kept: this package depends on no other. */
export const pictureExtensionsFile = 'packages/client/src/picture-extensions.ts';

/** The text of `pictureExtensionsFile`. @param {Record<string, readonly string[]>} byFormat @returns {Promise<string>} */
export async function pictureExtensions(byFormat) {
  const all = Object.values(byFormat).flat();
  const text =
    `/** Written by \`npm run docs\` from packages/images: endings of the names of files that the service reads. */\n` +
    `export const pictureExtensions = ${JSON.stringify(all)} as const;\n`;
  return format(text, { ...(await resolveConfig(clientTypesFile)), parser: 'typescript' });
}

/** The text of `clientTypesFile`. @param {{ components: { schemas: object } }} document @returns {Promise<string>} */
export async function clientTypes(document) {
  const schemas = { ...structuredClone(document), paths: {}, webhooks: {} };
  // Of use on a page, not above a type.
  for (const schema of Object.values(schemas.components.schemas)) delete schema.examples;
  nameValues(schemas.components.schemas);
  const nodes = await openapiTypescript(schemas, { silent: true, exportType: true });
  const text = `/** Written by \`npm run docs\` from docs/openapi.json. */\n${astToString(nodes)}`;
  return format(text, { ...(await resolveConfig(clientTypesFile)), parser: 'typescript' });
}

/**
 * Gives members that have an `x-extensible-enum` its values as their type: this client is of one version with the service, and types do
 * not fail at run time.
 * @param {unknown} schema
 */
function nameValues(schema) {
  if (typeof schema !== 'object' || schema === null) return;
  for (const part of Object.values(schema)) nameValues(part);
  if ('x-extensible-enum' in schema) Object.assign(schema, { enum: schema['x-extensible-enum'] });
}
