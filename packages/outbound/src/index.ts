export { type Agents, type Resolver, createAgents, isRefusal } from './guarded-agents.js';
export { checkOutboundUrl, isPublicAddress, maxUrlLength } from './outbound-url.js';
export { parseRetryAfter } from './retry-after.js';
