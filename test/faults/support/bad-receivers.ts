/** Receivers of webhooks as nobody wants them: each address says which kind it is. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export const badKinds = ['hangs', 'drips', 'redirects', 'breaks', 'gone'] as const;
export type BadKind = (typeof badKinds)[number];

export interface BadReceivers {
  url(kind: BadKind, id: string): string;
  /** Requests by kind. */
  readonly attempts: ReadonlyMap<string, number>;
  /** Requests that came to where the redirect points: a place that only a follower finds. */
  readonly followed: number;
  stop(): void;
}

const answers: Readonly<Record<BadKind, (socket: Socket, port: number) => void>> = {
  hangs: () => undefined,
  // One byte a second: the status line alone takes longer than anybody should wait.
  drips: (socket) => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    let at = 0;
    const timer = setInterval(() => {
      if (at < text.length) socket.write(text.charAt(at++));
    }, 1000);
    socket.on('close', () => {
      clearInterval(timer);
    });
  },
  redirects: (socket, port) => {
    socket.end(`HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:${port}/trap/x\r\nContent-Length: 0\r\n\r\n`);
  },
  breaks: (socket) => {
    socket.write('HTTP/1.1 2', () => {
      socket.destroy();
    });
  },
  gone: (socket) => {
    socket.end('HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  },
};

/** Listens on a free port of localhost. */
export async function startBadReceivers(): Promise<BadReceivers> {
  const attempts = new Map<string, number>();
  let followed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (data) => {
      const kind = /^POST \/(\w+)\//.exec(data.toString('latin1'))?.[1] ?? '';
      if (kind === 'trap') followed += 1;
      attempts.set(kind, (attempts.get(kind) ?? 0) + 1);
      const known = badKinds.find((each) => each === kind);
      if (known !== undefined) answers[known](socket, port);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    // Another name than that of the good receiver: what is bad about one host must not fall on another.
    url: (kind, id) => `http://localhost:${port}/${kind}/${id}`,
    attempts,
    get followed() {
      return followed;
    },
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
