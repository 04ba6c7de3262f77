export { type Asking, type Busy, FairShares, type Place } from './fair-shares.js';
export { checkOutboundUrl, isPublicAddress, maxUrlLength } from './outbound-url.js';
export {
  type Answer,
  CallError,
  GuardedClient,
  type MayConnect,
  RefusedAddressError,
  parseRetryAfter,
} from './guarded-client.js';
export { type Party, addressParties, partiesOf } from './share-ledger.js';
