import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { inspectImage } from '@quintet/images';
import { FairShares, GuardedClient } from '@quintet/outbound';
import type { FetchOrder, Outcome } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, noise } from '../../../../test/fixtures/images/index.js';
import { headBytes } from './download.js';
import { fetchOrder, refuseHopeless, type FetchDependencies } from './fetch-order.js';

let server: Server;
let url = '';
let photo: Buffer;
let requests = 0;

beforeAll(async () => {
  photo = await makeImage({ format: 'jpeg', width: 320, height: 240 });
  server = createServer((request, response) => {
    requests++;
    if (request.url === '/photo') response.end(photo);
    else if (request.url === '/missing') response.writeHead(404).end();
    else if (request.url === '/down') response.writeHead(503).end();
    // Any other path is never answered.
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const record = { id: 'a-1', model: { name: 'm' }, created_at: new Date(0).toISOString(), metadata: {} };

/** A store of one job. */
function dependencies(over: Partial<FetchDependencies> = {}) {
  const state = { outcome: undefined as Outcome | undefined, image: undefined as Buffer | undefined };
  const store: FetchDependencies['store'] = {
    hasEnded: () => Promise.resolve(state.outcome !== undefined),
    read: () => Promise.resolve({ record, ...(state.outcome && { outcome: state.outcome }) }),
    addImage: (_id, image) => {
      if (state.outcome !== undefined) return Promise.resolve(false);
      state.image = image;
      return Promise.resolve(true);
    },
    finish: (_id, outcome) => {
      if (state.outcome !== undefined) return Promise.resolve('already_finished');
      state.outcome = outcome;
      return Promise.resolve('finished');
    },
  };
  const settings: FetchDependencies = {
    store,
    client: new GuardedClient(true),
    shares: new FairShares(16, () => undefined),
    allowPrivateHosts: true,
    maxBytes: 1_000_000,
    fetches: { during: (work) => work() },
    imageLimits: { maxPixels: 1_000_000 },
    timeoutMs: 60_000,
    userAgent: 'Test/1',
    retentionSeconds: 60,
    ...over,
  };
  return { state, settings };
}

const order = (path: string, over: Partial<FetchOrder> = {}): FetchOrder => ({
  id: 'a-1',
  model: 'm',
  url: url + path,
  created_ms: Date.now(),
  request_id: 'r-1',
  ...over,
});
const running = new AbortController().signal;
const entry = { entry: 'fetch_a-1', start: 1 };
const first = { ...entry, number: 1, of: 3, stopping: running };
const last = { ...entry, number: 3, of: 3, stopping: running };
const canceled: Outcome = { status: 'canceled', finished_at: new Date(0).toISOString() };

describe('fetchOrder', () => {
  it('stores the image and leaves the job open', async () => {
    const { state, settings } = dependencies();
    expect(await fetchOrder(order('/photo'), first, settings)).toEqual({ outcome: 'fetched', bytes: photo.length });
    expect(state).toEqual({ image: photo, outcome: undefined });
  });

  it('ends the job at once where nothing else can help, and after the last attempt where something could', async () => {
    const { state, settings } = dependencies();
    expect(await fetchOrder(order('/missing'), first, settings)).toMatchObject({ code: 'image_url_status' });
    expect(state.outcome).toMatchObject({ status: 'failed', error: { code: 'image_url_status', retryable: false } });

    const again = dependencies();
    expect(await fetchOrder(order('/down'), first, again.settings)).toMatchObject({ outcome: 'again' });
    expect(again.state.outcome).toBeUndefined();
    expect(await fetchOrder(order('/down'), last, again.settings)).toMatchObject({ outcome: 'failed' });
    expect(again.state.outcome?.error?.code).toBe('image_url_status');
  });

  it('refuses pictures by the same rules as uploads', async () => {
    const { state, settings } = dependencies({ imageLimits: { maxPixels: 1000 } });
    await fetchOrder(order('/photo'), first, settings);
    expect(state.outcome?.error?.code).toBe('image_too_many_pixels');
  });

  it('asks nobody for what is late or no longer wanted', async () => {
    requests = 0;
    const late = dependencies();
    expect(await fetchOrder(order('/photo', { deadline_ms: Date.now() - 1 }), first, late.settings)).toEqual({
      outcome: 'expired',
    });
    expect(late.state.outcome?.status).toBe('expired');
    const ended = dependencies();
    ended.state.outcome = canceled;
    expect(await fetchOrder(order('/photo'), first, ended.settings)).toEqual({ outcome: 'dropped' });
    const both = order('/photo', { deadline_ms: Date.now() - 1 });
    expect(await fetchOrder(both, first, ended.settings)).toEqual({ outcome: 'dropped' });
    expect(requests).toBe(0);
  });

  it('stops when the time is over: of the attempt, of the job, or of this worker', async () => {
    const slow = dependencies({ timeoutMs: 50 });
    expect(await fetchOrder(order('/hang'), first, slow.settings)).toMatchObject({
      outcome: 'again',
      code: 'image_url_unreachable',
    });
    const late = dependencies();
    const deadline = { deadline_ms: Date.now() + 50 };
    expect(await fetchOrder(order('/hang', deadline), first, late.settings)).toEqual({ outcome: 'expired' });
    expect(late.state.outcome?.status).toBe('expired');
    const stopping = new AbortController();
    setTimeout(() => {
      stopping.abort();
    }, 50);
    const { state, settings } = dependencies();
    const attempt = { ...first, stopping: stopping.signal };
    expect(await fetchOrder(order('/hang'), attempt, settings)).toEqual({ outcome: 'interrupted' });
    expect(await fetchOrder(order('/hang'), attempt, settings)).toEqual({ outcome: 'interrupted' });
    expect(state.outcome).toBeUndefined();
  });

  it('notices that the job was canceled while it waits for the server, and lets that stand', async () => {
    const { state, settings } = dependencies();
    setTimeout(() => {
      state.outcome = canceled;
    }, 50);
    expect(await fetchOrder(order('/hang'), last, settings)).toEqual({ outcome: 'dropped' });
    expect(state.outcome).toEqual(canceled);
  });

  it('throws what is the fault of Redis, and ends nothing', async () => {
    const full = new Error('OOM command not allowed');
    const { state, settings } = dependencies();
    const store = { ...settings.store, addImage: () => Promise.reject(full) };
    await expect(fetchOrder(order('/photo'), last, { ...settings, store })).rejects.toBe(full);
    expect(state.outcome).toBeUndefined();
  });
});

describe('refuseHopeless', () => {
  it('lets every picture pass whose rest is still to come', async () => {
    for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff', 'bmp', 'heic'] as const) {
      const image = await makeImage({ format, width: 256, height: 256, pixels: noise(256, 256) });
      inspectImage(image, { maxPixels: 65_536 });
      for (const length of [headBytes, headBytes + 1, 8192, image.length]) {
        refuseHopeless(image.subarray(0, length), { maxPixels: 65_536 });
      }
    }
  });

  it('stops what no rest can make right', async () => {
    const png = await makeImage({ format: 'png', width: 256, height: 256 });
    expect(() => {
      refuseHopeless(png.subarray(0, headBytes), { maxPixels: 65_535 });
    }).toThrow(/pixels/);
    expect(() => {
      refuseHopeless(Buffer.from('<html>'.padEnd(headBytes)), { maxPixels: 65_535 });
    }).toThrow(/not a supported image/);
  });
});
