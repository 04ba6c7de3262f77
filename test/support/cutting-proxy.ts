/**
 * A TCP proxy to Redis that cuts a connection at a chosen command, for tests of what a loss in the middle does.
 *
 *   passing → armed (arm) → passing again (the chosen write came: its connection is reset, and the write never arrives)
 * What a client writes in one turn comes as one chunk, mostly; PINGs alone count as nothing.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** Cuts at the `nth` write from now on, 1 being the next. */
  arm(nth: number): void;
  /** Whether it has cut; it passes all from now on. */
  disarm(): boolean;
  stop(): Promise<void>;
}

const ping = /^(?:\*1\r\n\$4\r\nping\r\n)+$/i;

export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  let left = 0;
  let hasCut = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    far.pipe(near);
    near.on('data', (chunk: Buffer) => {
      if (left > 0 && !ping.test(chunk.toString('latin1', 0, 200))) {
        left -= 1;
        if (left === 0) {
          hasCut = true;
          near.resetAndDestroy();
          return;
        }
      }
      far.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    arm: (nth) => {
      left = nth;
      hasCut = false;
    },
    disarm: () => {
      left = 0;
      return hasCut;
    },
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
