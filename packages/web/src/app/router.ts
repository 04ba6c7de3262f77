/** Which view an address means: everything behind the `#`, so that the page works under any path. */

export type Route =
  { readonly view: 'classify' } | { readonly view: 'job'; readonly id: string } | { readonly view: 'operations' };

/** Also what is only a part of an id: the service then says that the link is not complete. */
const jobPattern = /^#\/jobs\/([0-9a-z-]+)$/i;

/** What is not known is the classify view. */
export function parseRoute(hash: string): Route {
  const id = jobPattern.exec(hash)?.[1];
  if (id !== undefined) return { view: 'job', id };
  return hash === '#/operations' ? { view: 'operations' } : { view: 'classify' };
}

/** The address of a shared result. */
export function jobHash(id: string): string {
  return `#/jobs/${id}`;
}
