export { type Asking, type Busy, FairShares, type Place } from './fair-shares.js';
export { type Agents, type MayConnect, type Resolver, createAgents, isRefusal } from './guarded-agents.js';
export { createLookup } from './name-lookup.js';
export { checkOutboundUrl, isPublicAddress, maxUrlLength } from './outbound-url.js';
export { addressParties, partiesOf } from './parties.js';
export { parseRetryAfter } from './retry-after.js';
export { type Party } from './share-ledger.js';
