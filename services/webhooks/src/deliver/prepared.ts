/** What an order becomes when it is its turn. */
import type { DeliveryMessage } from '@quintet/shared';

/**
 * `wait`: the order became active before its time, and waits for its other children; `noneLeft` is called where there are none
 * and still something is open.
 */
export type Prepared =
  | { readonly message: DeliveryMessage; readonly owner: string | undefined }
  | { readonly ended: 'skipped' | 'dropped' }
  | { readonly wait: { readonly noneLeft?: () => Promise<void> } };

/** Standard Webhooks asks for payloads under 20 kB. */
export const maxBodyBytes = 20_000;
