/** Whether a job may name `url` as the address of its picture: by its text only, as nothing here ever calls it. */
import { checkOutboundUrl } from '@quintet/outbound';
import { ProblemError } from '@quintet/shared';

/** Throws `image_url_refused`. Whoever fetches the picture asks again, for what the name resolves to and every redirect. */
export function checkImageUrl(url: URL, allowPrivateHosts: boolean): void {
  const refused = checkOutboundUrl(url, allowPrivateHosts);
  if (refused !== undefined) throw imageUrlRefused(refused);
}

export function imageUrlRefused(reason: string): ProblemError {
  return new ProblemError('image_url_refused', `The image cannot be fetched from this image_url: ${reason}.`, {
    errors: [{ detail: reason, pointer: '#/image_url' }],
  });
}
