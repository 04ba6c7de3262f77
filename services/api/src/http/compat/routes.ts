/** The routes of other protocols: whoever speaks one of them already needs only this service's address. */
import type { Express } from 'express';
import type { ReadinessCheck } from '@quintet/shared';
import { onlyMethods } from '../problems.js';
import { huggingFaceRoute, type CompatRoutes } from './hugging-face-route.js';
import { inferRoute } from './inference-protocol/infer-route.js';
import {
  modelConfigRoute,
  modelMetadataRoute,
  modelReadyRoute,
  serverLiveRoute,
  serverMetadataRoute,
  serverReadyRoute,
} from './inference-protocol/metadata-routes.js';

export function addCompatRoutes(
  app: Express,
  routes: CompatRoutes,
  { version, readiness }: { readonly version: string; readonly readiness: ReadinessCheck },
): void {
  const { models, maxUploadBytes } = routes;
  app.route('/models/:model').post(huggingFaceRoute(routes)).all(onlyMethods('POST'));

  app.route('/v2').get(serverMetadataRoute(version)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v2/health/live').get(serverLiveRoute).all(onlyMethods('GET', 'HEAD'));
  app.route('/v2/health/ready').get(serverReadyRoute(readiness)).all(onlyMethods('GET', 'HEAD'));
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.route(model).get(modelMetadataRoute(models)).all(onlyMethods('GET', 'HEAD'));
    app.route(`${model}/ready`).get(modelReadyRoute(models)).all(onlyMethods('GET', 'HEAD'));
    app.route(`${model}/config`).get(modelConfigRoute(models, maxUploadBytes)).all(onlyMethods('GET', 'HEAD'));
    app.route(`${model}/infer`).post(inferRoute(routes)).all(onlyMethods('POST'));
  }
}
