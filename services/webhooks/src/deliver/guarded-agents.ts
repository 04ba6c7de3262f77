/**
 * Agents that connect to public addresses only. request-filtering-agent checks an IP literal before it connects, and a
 * name in the look-up of the connection itself: the address that was checked is the one that is connected to, so DNS
 * cannot change its mind in between. A name with several addresses is refused if one of them is private.
 *
 * No keep-alive: a connection that its receiver closed while idle would cost a delivery an attempt.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

const azurePlatformAddress = '168.63.129.16'; // public by its number, but answered by the host

export function createAgents(allowPrivateHosts: boolean): Agents {
  if (allowPrivateHosts) return { http: new HttpAgent(), https: new HttpsAgent() };
  const rules = { denyIPAddressList: [azurePlatformAddress] };
  return { http: new RequestFilteringHttpAgent(rules), https: new RequestFilteringHttpsAgent(rules) };
}

/** Whether `error` is an agent's refusal. It has no code and no class of its own; guarded-agents.test.ts holds the text. */
export function isRefusal(error: Error): boolean {
  return /^DNS lookup .* is not allowed\. Because/.test(error.message);
}
