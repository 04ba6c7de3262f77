/**
 * Who asks, and whether it may: the first thing that is found out about a request, before any of its body is read.
 *
 * A service without keys is open to whoever reaches it; clients are told apart by their address there, for the limits only.
 */
import type { Request, RequestHandler } from 'express';
import { ProblemError, type ApiKeyEntry } from '@quintet/shared';
import { clientAddress } from '../auth/client-address.js';
import type { KeyRing } from '../auth/key-ring.js';
import type { Client, Scope } from '../jobs/index.js';
import type { RateLimits } from '../limits/rate-limits.js';
import { contextOf } from './request-context.js';
import type { RouteTable } from './route-table.js';

export interface AuthenticateOptions {
  readonly routes: RouteTable;
  /** Undefined: the service is open. */
  readonly keys: Pick<KeyRing, 'find'> | undefined;
  readonly rates: Pick<RateLimits, 'take'>;
  /** For clients whose key has no limits of its own; 0: none. */
  readonly perMinute: number;
  readonly concurrency: number;
}

export function authenticate({ routes, keys, rates, perMinute, concurrency }: AuthenticateOptions): RequestHandler {
  return async (request, response, next) => {
    const context = contextOf(response);
    const { scope, submits } = routes.access(request.method, request.path);
    if (keys === undefined) {
      context.limits = { key: `ip:${clientAddress(request.ip)}`, perMinute, concurrency };
    } else if (scope !== 'open') {
      const entry = identify(request, keys);
      context.client = clientOf(entry);
      requireScope(context.client, scope);
      context.limits = {
        key: `key:${entry.name}`,
        perMinute: entry.rate_per_minute ?? perMinute,
        concurrency: entry.concurrency ?? concurrency,
      };
    }
    // Submissions are counted at the gate, when the service has room for them.
    if (scope !== 'open' && scope !== 'admin' && submits !== true)
      response.set(await rates.take('read', context.limits));
    next();
  };
}

function identify(request: Request, keys: Pick<KeyRing, 'find'>): ApiKeyEntry {
  const key = presentedKey(request);
  if (key === undefined) {
    throw new ProblemError('api_key_missing', 'Send your key as `Authorization: Bearer qk_…` or as `X-API-Key`.', {
      headers: { 'WWW-Authenticate': 'Bearer realm="quintet"' },
    });
  }
  const entry = keys.find(key);
  if (entry !== undefined) return entry;
  throw new ProblemError('api_key_invalid', 'This key is not known here, or no longer.', {
    headers: { 'WWW-Authenticate': 'Bearer realm="quintet", error="invalid_token"' },
  });
}

/** The key of a request, whatever it looks like. Not from its address: those are logged and remembered everywhere. */
export function presentedKey({ headers }: Pick<Request, 'headers'>): string | undefined {
  const bearer = /^bearer +(.*)$/i.exec(headers.authorization?.trim() ?? '')?.[1];
  const other = headers['x-api-key'];
  return bearer ?? (typeof other === 'string' && other !== '' ? other : undefined);
}

function clientOf({ name, scopes }: ApiKeyEntry): Client {
  return { name, scopes: new Set(scopes) };
}

function requireScope({ scopes }: Client, scope: Scope): void {
  if (scopes.has(scope) || scopes.has('admin')) return;
  throw new ProblemError('scope_missing', `This needs a key with the scope ${scope}.`, {
    headers: { 'WWW-Authenticate': `Bearer realm="quintet", error="insufficient_scope", scope="${scope}"` },
  });
}
