/** Links to results, and what a reader of one is told about what is not there. */
import { jobHash } from '../../app/router.js';
import type { SharedPicture } from './shared-picture.js';

/** The address of a result, on this origin and below the path at which this page is served; `picture` as writeSharedPicture makes it. */
export function resultLink(page: Pick<URL, 'origin' | 'pathname'>, id: string, picture?: string): string {
  return `${page.origin}${page.pathname}${jobHash(id, picture)}`;
}

/** Whether others can open such a link at all: not one that leads to the reader's own machine. */
export function isReachableByOthers(hostname: string): boolean {
  return !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}

/** Beside the link. Results are kept for RESULT_TTL_SECONDS, which the page does not know: an operator sets it. */
export const linkLifetime =
  'The link works as long as the service keeps the result: a day, unless it is set up otherwise.';

/** Of the picture in a link, by how it is; nothing but the person who sent it vouches for it. */
export const pictureNotes: Readonly<Record<SharedPicture['kind'], string>> = {
  picture: 'The picture came with the link. The service did not keep it, and has not compared it with the result.',
  cut: 'The picture of this link is not complete: part of the link was lost on its way. The result is the right one.',
  refused: 'This link has a picture that this page would not have made, so it is not shown.',
};

export interface Explained {
  readonly title: string;
  readonly text: string;
}

/** Why there is no result at a link, by the code of the problem; undefined where the problem speaks for itself. */
export function whyNoResult(code: string): Explained | undefined {
  switch (code) {
    case 'job_not_found':
      return {
        title: 'This result is not there any more',
        text:
          'The service keeps results for a while only: a day, unless it is set up otherwise. It may also be a result of ' +
          'another key than yours: each sees its own. Classify the picture again to have a new one.',
      };
    case 'job_id_invalid':
      return {
        title: 'This link is not complete',
        text: 'Part of it was lost on its way. Copy it again from where it came from, to its very end.',
      };
    default:
      return undefined;
  }
}
