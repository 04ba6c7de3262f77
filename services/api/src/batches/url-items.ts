/** Items of a batch that are addresses: as far as their text tells, before anybody calls them. */
import { maxUrlLength } from '@quintet/outbound';
import { ProblemError } from '@quintet/shared';
import { checkImageUrl, imageUrlRefused } from '../jobs/index.js';

/** Why the picture at `url` will not be fetched; undefined where it will be. */
export function urlItemProblem(url: string, allowPrivateHosts: boolean): ProblemError | undefined {
  if (url.length > maxUrlLength) return imageUrlRefused(`it is longer than ${maxUrlLength} characters`);
  if (!URL.canParse(url)) return imageUrlRefused('it is not an absolute URL');
  try {
    checkImageUrl(new URL(url), allowPrivateHosts);
    return undefined;
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
}
