/** A Redis Cluster of a test's own: three nodes without replicas, each with a third of the slots. */
import { Cluster, Redis } from 'ioredis';
import { freePort, startRedis } from './redis-server.js';
import { eventually } from './service-process.js';

export interface RedisCluster {
  /** Of each node. */
  readonly urls: readonly string[];
  readonly client: Cluster;
  /** Stops the nodes and removes their data. */
  stop(): Promise<void>;
}

const slots = 16_384;

export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const busPort = await freePort();
      // prettier-ignore
      const server = await startRedis(['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf',
        '--cluster-port', String(busPort), '--cluster-node-timeout', '300000']);
      return { server, busPort, redis: new Redis(server.url) };
    }),
  );
  const share = Math.ceil(slots / nodes.length);
  for (const [index, { redis }] of nodes.entries()) {
    const last = Math.min(slots, (index + 1) * share) - 1;
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', index * share, last);
    // Of one node two would claim the same epoch until they find out.
    await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  for (const { server, busPort } of nodes.slice(1)) {
    await nodes[0]?.redis.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
  }
  await eventually(async () => {
    for (const { redis } of nodes) {
      const info = String(await redis.call('CLUSTER', 'INFO'));
      if (!/cluster_state:ok[^]*cluster_known_nodes:3/.test(info)) throw new Error(info);
    }
  });
  for (const { redis } of nodes) redis.disconnect();
  const client = new Cluster(nodes.map(({ server: { port } }) => ({ host: '127.0.0.1', port })));
  return {
    urls: nodes.map(({ server }) => server.url),
    client,
    stop: async () => {
      client.disconnect();
      await Promise.all(nodes.map(({ server }) => server.stop()));
    },
  };
}
