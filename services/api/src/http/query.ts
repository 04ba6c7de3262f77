/** The query of a request. Express's own parser is off: it would make objects of what clients write. */
import type { Request } from 'express';

export function queryOf({ originalUrl }: Pick<Request, 'originalUrl'>): URLSearchParams {
  return new URLSearchParams(originalUrl.split('?').slice(1).join('?'));
}
