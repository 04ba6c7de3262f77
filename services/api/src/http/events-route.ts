/**
 * GET /v1/jobs/:id/events: the job's states as Server-Sent Events, from the present one to the last.
 *
 * The id of an event says the state. A client that comes back with it as `Last-Event-ID` is told the present state unless it is
 * that one; one that has the final state already is answered 204, on which an EventSource stops.
 */
import type { RequestHandler } from 'express';
import type { JobEvents } from '../jobs/index.js';
import type { EventStreams } from './event-streams.js';
import { jobId } from './job-routes.js';
import { requireAccepted } from './problems.js';
import { contextOf } from './request-context.js';

export interface EventsRoute {
  readonly events: JobEvents;
  readonly streams: EventStreams;
}

export function eventsRoute({ events, streams }: EventsRoute): RequestHandler {
  return async (request, response) => {
    requireAccepted(request, 'text/event-stream');
    const id = jobId(request, response);
    const { client, signal } = contextOf(response);
    streams.requireRoom();
    const received = request.get('Last-Event-ID');
    const watch = await events.watch(id, client);
    const { state } = watch;
    if (signal.aborted) {
      watch.close();
      return;
    }
    response.once('close', () => {
      watch.close();
    });
    if (state.final && state.token === received) {
      response.status(204).end();
      return;
    }
    // Not response.set, which would add a charset: an event stream is UTF-8 always.
    response.setHeader('Content-Type', 'text/event-stream');
    response.set({ 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const stream = streams.open(response, received);
    watch.listen((next) => {
      stream.send(next);
    });
  };
}
