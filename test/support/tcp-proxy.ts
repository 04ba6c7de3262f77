/**
 * A TCP proxy that breaks, for tests of what a network does.
 *
 *   pass     what comes is forwarded
 *   refuse   every connection is reset, old and new: a crash, or a network that says so
 *   stall    old connections become black holes, new ones are accepted and are black holes too: a network that says nothing
 * Back to `pass`, only new connections work: a black hole stays one for ever, as a connection does whose state a firewall has
 * forgotten. The far side keeps its half open and is told nothing either.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  pass(): void;
  refuse(): void;
  stall(): void;
  /** Connections that were ever accepted. */
  readonly accepted: number;
  stop(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far?: Socket;
}

/** Listens on a free port of 127.0.0.1 and forwards to `target` there. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let mode: 'pass' | 'refuse' | 'stall' = 'pass';
  let accepted = 0;
  const pairs = new Set<Pair>();

  const server = createServer((near) => {
    accepted += 1;
    near.on('error', () => undefined);
    if (mode === 'refuse') {
      near.resetAndDestroy();
      return;
    }
    if (mode === 'stall') {
      near.pause();
      const pair = { near };
      pairs.add(pair);
      near.on('close', () => pairs.delete(pair));
      return;
    }
    const far = connect(target, '127.0.0.1');
    const pair = { near, far };
    pairs.add(pair);
    far.on('error', () => undefined);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.pipe(far);
    far.pipe(near);
    near.on('close', () => {
      if (!isBlackHole(pair)) far.destroy();
      pairs.delete(pair);
    });
    far.on('close', () => {
      if (!isBlackHole(pair)) near.destroy();
    });
  });

  const blackHoles = new Set<Pair>();
  const isBlackHole = (pair: Pair): boolean => blackHoles.has(pair);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    pass: () => {
      mode = 'pass';
    },
    refuse: () => {
      mode = 'refuse';
      for (const { near, far } of pairs) {
        near.resetAndDestroy();
        far?.resetAndDestroy();
      }
    },
    stall: () => {
      mode = 'stall';
      for (const pair of pairs) {
        const { near, far } = pair;
        blackHoles.add(pair);
        if (far === undefined) continue;
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    stop: async () => {
      server.close();
      for (const { near, far } of [...pairs, ...blackHoles]) {
        near.destroy();
        far?.destroy();
      }
      await once(server, 'close');
    },
  };
}
