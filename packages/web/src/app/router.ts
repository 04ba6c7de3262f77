/** Which view an address means: everything behind the `#`, so that the page works under any path. */

export type Route =
  | { readonly view: 'classify' }
  /** `picture`: as share/shared-picture.ts writes it. */
  | { readonly view: 'job'; readonly id: string; readonly picture?: string }
  | { readonly view: 'operations' };

/** Also what is only a part of an id: the service then says that the link is not complete. */
const jobPattern = /^#\/jobs\/([0-9a-z-]+)(?:\?picture=(.*))?$/i;

/** What is not known is the classify view. */
export function parseRoute(hash: string): Route {
  const [, id, picture] = jobPattern.exec(hash) ?? [];
  if (id !== undefined) return { view: 'job', id, ...(picture === undefined ? {} : { picture }) };
  return hash === '#/operations' ? { view: 'operations' } : { view: 'classify' };
}

/** The address of a shared result, with its picture where that is to be in it. */
export function jobHash(id: string, picture?: string): string {
  return `#/jobs/${id}${picture === undefined ? '' : `?picture=${picture}`}`;
}
