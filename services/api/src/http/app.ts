/** The Express application: what happens to every request around its route. */
import express, { type Express, type RequestHandler } from 'express';
import type { Logger } from '@quintet/shared';
import { openApiDocument } from '../openapi/document.js';
import { crossOrigin, securityHeaders } from './hardening.js';
import { problemHandler, routeNotFound } from './problems.js';
import { requestContext } from './request-context.js';
import type { Api } from './route-table.js';
import { routes } from './routes.js';

export interface AppOptions extends Omit<Api, 'document'> {
  readonly logger: Logger;
  /** Finds out who asks, and refuses who may not. */
  readonly authenticate: RequestHandler;
  /** TRUST_PROXY. */
  readonly proxies: number;
  /** CORS_ORIGINS; undefined: none. */
  readonly corsOrigins: readonly string[] | undefined;
}

export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', false);
  app.set('trust proxy', options.proxies);
  app.use(requestContext(options.logger, options.metrics));
  app.use(securityHeaders);
  if (options.corsOrigins !== undefined) app.use(crossOrigin(options.corsOrigins));
  app.use(options.authenticate);
  routes.register(app, { ...options, document: openApiDocument(options.version, routes.rows) });
  app.use(routeNotFound);
  app.use(problemHandler((path) => routes.errorsAt(path)));
  return app;
}
