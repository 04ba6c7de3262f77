/**
 * The table of routes: how a row is written, and what follows from all rows together. The rows are in routes.ts.
 *
 * Express finds the handler of a request. This table says who may send it and how its failure is written, also for
 * addresses that no row has.
 */
import type { Express, RequestHandler } from 'express';
import type { ApiMetrics, Operations, OutputStore, ReadinessCheck, Registry } from '@quintet/shared';
import type { CancelBatchContext, SubmitBatchContext } from '../batches/index.js';
import type {
  CancelContext,
  CorrectContext,
  DeliveriesContext,
  ExplanationContext,
  Idempotency,
  JobEvents,
  JobWaiters,
  ListContext,
  ModelDirectory,
  ReadContext,
  Scope,
  SubmitContext,
  TestWebhookContext,
} from '../jobs/index.js';
import type { OpenApiDocument } from '../openapi/document.js';
import type { Operation } from '../openapi/operation.js';
import type { BatchUploadReader } from './body/batch/read-batch-upload.js';
import type { UploadReader } from './body/read-upload.js';
import type { BytesReader } from './compat/read-bytes.js';
import type { EventStreams } from './event-streams.js';
import type { SubmissionGate } from './gate.js';
import type { PageFiles } from './page-files.js';
import { accepting, onlyMethods, problemJson, type ErrorForm } from './problems.js';

/** What handlers are made of. */
export interface Api {
  readonly version: string;
  readonly document: OpenApiDocument;
  readonly registry: Registry;
  readonly metrics: ApiMetrics;
  readonly readiness: ReadinessCheck;
  readonly jobs: SubmitContext & ReadContext & ListContext & CancelContext & ExplanationContext & CorrectContext;
  readonly deliveries: DeliveriesContext & TestWebhookContext;
  readonly batches: SubmitBatchContext & CancelBatchContext;
  readonly models: ModelDirectory;
  /** How the service does now. */
  readonly operations: () => Promise<Operations>;
  readonly idempotency: Idempotency;
  readonly waiters: JobWaiters;
  readonly events: JobEvents;
  readonly streams: EventStreams;
  readonly readUpload: UploadReader;
  readonly readBatchUpload: BatchUploadReader;
  readonly readBytes: BytesReader;
  readonly outputs: Pick<OutputStore, 'take'>;
  readonly maxUploadBytes: number;
  readonly maxWaitSeconds: number;
  /** What a submission has to pass before it is read. */
  readonly gate: SubmissionGate;
  /** Throws where nothing can be taken at all: the service stops, or Redis is away. */
  readonly checkOpen: () => void;
  /** Whether the service asks for keys. */
  readonly keyed: boolean;
  /** Whether /metrics is on this port, and not on one of its own. */
  readonly servesMetrics: boolean;
  readonly refreshMetrics: () => Promise<void>;
  /** Undefined: it is not built. */
  readonly page: PageFiles | undefined;
}

/** The part of a row that is written beside the code that answers. */
export interface Endpoint {
  /** Undefined: the OpenAPI document leaves it out. */
  readonly operation: Operation | undefined;
  /** Makes what answers; undefined: this service has no such route. */
  readonly handler: (api: Api) => RequestHandler | RequestHandler[] | undefined;
}

export interface Access {
  /** What a key must be allowed; `open`: everybody is. */
  readonly scope: Scope | 'open';
  /** Whether it brings pictures; the gate (gate.ts) counts those by themselves. */
  readonly submits?: boolean;
}

export interface Route extends Endpoint, Access {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** With parameters in braces, as OpenAPI has them. */
  readonly path: string;
  /** The type of its answers, which Accept must not exclude; undefined: any will do, or the handler chooses. */
  readonly accepts: string | undefined;
  readonly errors: ErrorForm;
}

const methods = ['get', 'head', 'post', 'put', 'delete'];

export class RouteTable {
  /** By path. */
  readonly #paths = new Map<string, Route[]>();
  /** Paths with parameters. */
  readonly #patterns: { readonly pattern: RegExp; readonly routes: readonly Route[] }[] = [];
  /** The fixed beginning of every path, the longest first. */
  readonly #roots: readonly (readonly [root: string, errors: ErrorForm])[];

  constructor(readonly rows: readonly Route[]) {
    for (const route of rows) this.#paths.set(route.path, [...(this.#paths.get(route.path) ?? []), route]);
    for (const [path, routes] of this.#paths) {
      const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      if (path.includes('{')) this.#patterns.push({ pattern, routes });
    }
    this.#roots = rows
      .map(({ path, errors }) => [path.replace(/\{.*/, ''), errors] as const)
      .sort(([a], [b]) => b.length - a.length);
  }

  /**
   * What a request needs; one that no row answers needs a key, too. `path` is as the router matches it:
   * percent-encoding untouched, case significant, one slash at the end ignored.
   */
  access(method: string, path: string): Access {
    const rows = this.#at(path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
    // It says which methods there are; a browser asks it before it sends a key.
    if (method === 'OPTIONS') return { scope: 'open' };
    const admin = rows.find(({ scope }) => scope === 'admin');
    if (admin !== undefined) return admin;
    const reads = method === 'GET' || method === 'HEAD';
    const wanted = reads ? 'get' : method.toLowerCase();
    return rows.find((row) => row.method === wanted) ?? { scope: reads ? 'read' : 'submit' };
  }

  #at(path: string): readonly Route[] {
    return this.#paths.get(path) ?? this.#patterns.find(({ pattern }) => pattern.test(path))?.routes ?? [];
  }

  /** How failures at `path` are written: as those of the rows with which it begins, also where it is none of them. */
  errorsAt(path: string): ErrorForm {
    const isAbove = (root: string): boolean => path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
    return this.#roots.find(([root]) => isAbove(root))?.[1] ?? problemJson;
  }

  /** Adds every route to `app`; other methods are answered 405, and OPTIONS with those that there are. */
  register(app: Express, api: Api): void {
    for (const [path, rows] of this.#paths) {
      const served = rows.flatMap((row) => {
        const handler = row.handler(api);
        return handler === undefined ? [] : [{ ...row, handler }];
      });
      if (served.length === 0) continue;
      const route = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
      for (const { method, accepts, handler } of served) {
        if (accepts !== undefined) route[method](accepting(accepts));
        route[method](handler);
      }
      const allowed = served.flatMap(({ method }) => (method === 'get' ? ['get', 'head'] : [method]));
      route.all(
        onlyMethods(methods.filter((method) => allowed.includes(method)).map((method) => method.toUpperCase())),
      );
    }
  }
}
