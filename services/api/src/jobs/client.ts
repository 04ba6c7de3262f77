/** Who asks. Everything below HTTP is told a Client; what made it one (an API key, or nothing) it does not know. */
import { apiScopes, type ApiScope, type JobRecord } from '@quintet/shared';

export const scopes = apiScopes;
export type Scope = ApiScope;

export interface Client {
  /** Of the key; undefined where the service knows no keys. Jobs keep it as their owner. */
  readonly name: string | undefined;
  readonly scopes: ReadonlySet<Scope>;
}

/** The only client of a service without keys: may do everything. */
export const anonymous: Client = { name: undefined, scopes: new Set(scopes) };

/** Whether `client` may see and cancel what belongs to `owner`. To others it does not exist. */
export function owns(client: Client, { owner }: Pick<JobRecord, 'owner'>): boolean {
  return client.name === owner || client.name === undefined || client.scopes.has('admin');
}
