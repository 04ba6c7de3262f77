import type { DeliveryHead, DeliveryState, LoggedDelivery } from '@quintet/shared';
import { presentDelivery } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import type { Client } from './client.js';
import { listDeliveries, readDelivery, readJobDeliveries, redeliver, type DeliveriesContext } from './deliveries.js';
import { sendTestWebhook } from './test-webhook.js';

const ada: Client = { name: 'ada', scopes: new Set(['read', 'submit']) };
const bob: Client = { name: 'bob', scopes: new Set(['read', 'submit']) };
const admin: Client = { name: 'root', scopes: new Set(['admin']) };

const head: DeliveryHead = {
  kind: 'job',
  source: 'j1',
  event: 'job.succeeded',
  url: 'https://example.com/',
  created_at: '2026-11-24T02:00:00.000Z',
  owner: 'ada',
  endpoint: 'f',
};

/** One delivery of ada's; `waits`: whether the queue has an entry for it. */
function world(state: DeliveryState, { updated = Date.now() - 60_000, waits = true, disabled = false } = {}) {
  const listed: unknown[] = [];
  const added: unknown[] = [];
  const logged: LoggedDelivery = { head, state, updated, entry: 'msg_j1', message: undefined };
  let reopened = false;
  const context: DeliveriesContext = {
    log: {
      peek: (id) => Promise.resolve(id === 'msg_j1' ? logged : undefined),
      read: (id) =>
        Promise.resolve(
          id === 'msg_j1' ? { delivery: presentDelivery(id, head, { state, updated, attempts: [] }), head } : undefined,
        ),
      reopen: () => {
        const first = !reopened;
        reopened = true;
        return Promise.resolve(first);
      },
    },
    index: {
      list: (query) => {
        listed.push(query.owner);
        return Promise.resolve({ deliveries: [] });
      },
    },
    endpoints: { isDisabled: () => Promise.resolve(disabled) },
    store: { read: () => Promise.resolve(undefined) },
    queues: {
      addDelivery: (order, entry) => {
        added.push([order, entry]);
        return Promise.resolve();
      },
      deliveryWaits: () => Promise.resolve(waits),
    },
  };
  return { context, added, listed, again: (client: Client) => redeliver(context, 'msg_j1', client, 'req') };
}

describe('deliveries', () => {
  it('exist for their owner and an admin, and for nobody else', async () => {
    const { context, again, added } = world('failed');
    for (const client of [ada, admin]) {
      expect((await readDelivery(context, 'msg_j1', client)).id).toBe('msg_j1');
      expect(await readJobDeliveries(context, 'j1', client)).toHaveLength(1);
    }
    await expect(readDelivery(context, 'msg_j1', bob)).rejects.toMatchObject({ code: 'delivery_not_found' });
    await expect(readJobDeliveries(context, 'j1', bob)).rejects.toMatchObject({ code: 'job_not_found' });
    await expect(again(bob)).rejects.toMatchObject({ code: 'delivery_not_found' });
    expect(added).toEqual([]);
  });

  it('are listed by owner, to an admin all', async () => {
    const { context, listed } = world('failed');
    for (const client of [ada, admin, { name: undefined, scopes: ada.scopes }]) {
      await listDeliveries(context, { limit: 1 }, client);
    }
    expect(listed).toEqual(['ada', undefined, undefined]);
  });

  it('are sent again once they have ended, in an entry of their own', async () => {
    for (const state of ['failed', 'delivered'] as const) {
      const { again, added } = world(state);
      await again(ada);
      expect(added).toEqual([
        [{ kind: 'job', id: 'j1', request_id: 'req' }, expect.stringMatching(/^redeliver_[\w-]+$/)],
      ]);
      await expect(again(ada)).rejects.toMatchObject({ code: 'delivery_pending' });
    }
  });

  it('are not while they are pending, unless nothing in the queue is going to send them', async () => {
    await expect(world('pending').again(ada)).rejects.toMatchObject({ code: 'delivery_pending' });
    // Somebody is just doing it.
    const fresh = world('pending', { updated: Date.now(), waits: false });
    await expect(fresh.again(ada)).rejects.toMatchObject({ code: 'delivery_pending' });
    // An API process died between the log and the queue.
    const orphan = world('pending', { waits: false });
    await orphan.again(ada);
    expect(orphan.added).toHaveLength(1);
  });

  it('are not to an endpoint that asked for no more', async () => {
    const { again, added } = world('failed', { disabled: true });
    await expect(again(ada)).rejects.toMatchObject({ code: 'webhook_endpoint_disabled' });
    expect(added).toEqual([]);
  });
});

describe('a test event', () => {
  it('is refused without a secret, and to private addresses', async () => {
    const context = {
      webhooksEnabled: false,
      allowPrivateHosts: false,
      log: { note: () => Promise.reject(new Error('not to be called')) },
      queues: { addDelivery: () => Promise.reject(new Error('not to be called')) },
    };
    await expect(sendTestWebhook(context, 'https://example.com', ada, 'r')).rejects.toMatchObject({
      code: 'webhooks_disabled',
    });
    await expect(
      sendTestWebhook({ ...context, webhooksEnabled: true }, 'http://127.1/', ada, 'r'),
    ).rejects.toMatchObject({ code: 'webhook_url_refused' });
  });
});
