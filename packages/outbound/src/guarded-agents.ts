/**
 * Agents that connect to public addresses only, for whatever address a client of this service gave it.
 * request-filtering-agent checks an IP literal before it connects, and a name in the look-up of the connection itself: the
 * address that was checked is the one that is connected to, so DNS cannot change its mind in between. A name with several
 * addresses is refused if one of them is private. What a name resolves to must also be public by our own list
 * (outbound-url.ts), which knows more ranges than the agent does, such as RFC 8215's NAT64 prefix.
 *
 * No keep-alive: a connection that its server closed while idle would cost an attempt, and a pool would be shared by
 * addresses that different clients gave.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { createLookup } from './name-lookup.js';
import { isPublicAddress } from './outbound-url.js';

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** Finds the addresses of a name. */
export type Resolver = LookupFunction;

/** Asked with the addresses of a name before one of them is connected to; they are not where it says no. */
export type MayConnect = (addresses: readonly string[]) => boolean;

const azurePlatformAddress = '168.63.129.16'; // public by its number, but answered by the host

export function createAgents(
  allowPrivateHosts: boolean,
  resolver: Resolver = createLookup(),
  mayConnect: MayConnect = () => true,
): Agents {
  const allPublic: MayConnect = (addresses) => addresses.every(isPublicAddress);
  const guarded = allowPrivateHosts
    ? resolver
    : judged(resolver, allPublic, (hostname) => new RefusedAddressError(hostname));
  const lookup = judged(guarded, mayConnect, (hostname) => new Error(`${hostname} is not connected to now`));
  if (allowPrivateHosts) return { http: new HttpAgent({ lookup }), https: new HttpsAgent({ lookup }) };
  // The agent wraps the look-up it is given, so both judge every answer.
  const rules = { denyIPAddressList: [azurePlatformAddress], lookup };
  return { http: new RequestFilteringHttpAgent(rules), https: new RequestFilteringHttpsAgent(rules) };
}

/** `resolver`, whose answers are errors where `allowed` does not allow them. */
function judged(resolver: Resolver, allowed: MayConnect, refusal: (hostname: string) => Error): Resolver {
  return (hostname, options, callback) => {
    resolver(hostname, options, (error, address, family) => {
      const found = error === null ? (typeof address === 'string' ? [{ address }] : address) : [];
      if (error !== null || allowed(found.map((each) => each.address))) callback(error, address, family);
      else callback(refusal(hostname), '');
    });
  };
}

/** The address is not told: who may not connect to a host need not learn what our name servers say of it. */
class RefusedAddressError extends Error {
  constructor(hostname: string) {
    super(`${hostname} resolves to an address that is not public`);
    this.name = 'RefusedAddressError';
  }
}

/**
 * Whether `error` is an agent's refusal. The library's has no code and no class of its own; guarded-agents.test.ts holds
 * its text.
 */
export function isRefusal(error: Error): boolean {
  return error instanceof RefusedAddressError || /^DNS lookup .* is not allowed\. Because/.test(error.message);
}
