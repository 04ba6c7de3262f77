/**
 * Who may do what, by method and path, for every route there is and every one to come: what is not named here needs a key.
 */
import type { Scope } from '../jobs/index.js';

export interface Access {
  /** Undefined: open to everybody. */
  readonly scope: Scope | undefined;
  /** Whether it brings pictures; the gate (http/gate.ts) counts those by themselves. */
  readonly submits: boolean;
}

const openPaths = new Set([
  ...['/', '/favicon.svg', '/health/live', '/health/ready', '/openapi.json', '/docs'],
  ...['/v2', '/v2/health/live', '/v2/health/ready'],
]);
const openFolders = ['/assets/', '/docs/'];
/** They tell of all clients together. */
const adminPaths = new Set(['/metrics', '/v1/operations']);
const submissionPaths = new Set(['/v1/jobs', '/v1/batches']);
/** Of clients that know another protocol; the model is a segment of the path. */
const compatSubmission = /^\/models\/[^/]+$|^\/v2\/models\/[^/]+(\/versions\/[^/]+)?\/infer$/;

/** `path` as the router matches it: percent-encoding untouched, case significant, one slash at the end ignored. */
export function accessOf(method: string, path: string): Access {
  const route = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const reads = method === 'GET' || method === 'HEAD';
  // It says which methods there are; a browser asks it before it sends a key.
  if (method === 'OPTIONS') return { scope: undefined, submits: false };
  if (adminPaths.has(route)) return { scope: 'admin', submits: false };
  if (reads) {
    const open = openPaths.has(route) || openFolders.some((folder) => route.startsWith(folder));
    return { scope: open ? undefined : 'read', submits: false };
  }
  const submits = method === 'POST' && (submissionPaths.has(route) || compatSubmission.test(route));
  return { scope: 'submit', submits };
}
