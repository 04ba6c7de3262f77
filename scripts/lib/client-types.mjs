/** The types of packages/client, from the OpenAPI document: what its schemas say, without the routes, which the client is code for. */
import { format, resolveConfig } from 'prettier';
import openapiTypescript, { astToString } from 'openapi-typescript';

/** Where they are kept. */
export const clientTypesFile = 'packages/client/src/openapi.ts';

/** The text of `clientTypesFile`. @param {{ components: { schemas: object } }} document @returns {Promise<string>} */
export async function clientTypes(document) {
  const schemas = { ...structuredClone(document), paths: {}, webhooks: {} };
  // Of use on a page, not above a type.
  for (const schema of Object.values(schemas.components.schemas)) delete schema.examples;
  const nodes = await openapiTypescript(schemas, { silent: true, exportType: true });
  const text = `/** Written by \`npm run docs\` from docs/openapi.json. */\n${astToString(nodes)}`;
  return format(text, { ...(await resolveConfig(clientTypesFile)), parser: 'typescript' });
}
