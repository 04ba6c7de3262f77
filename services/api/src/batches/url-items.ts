/**
 * THE PLACE where items that are addresses connect to the fetch queue.
 *
 * Until then such an item fails with `image_url_unsupported`. With fetching, `problem` becomes what checking the address
 * says, and submit-batch.ts gives the item's classify order a fetch order as its child.
 */
import { ProblemError } from '@quintet/shared';

/** Why the picture at `url` will not be fetched; undefined where it will be. */
export function urlItemProblem(_url: string): ProblemError | undefined {
  return new ProblemError(
    'image_url_unsupported',
    'Send the image itself: as a file, in an archive, or as image_base64.',
  );
}
