/** How large or many words leave in few writes, and uncopied. */
import { Command, type Redis } from 'ioredis';

/**
 * What a connection is given in this turn of the event loop, promises included, leaves as one write. A pipeline would do that
 * for its own commands only, and making one costs more than sending them where BullMQ has defined its scripts.
 */
export function holdTurn(redis: Redis): void {
  // A Cluster has many connections, and none of them here.
  if (redis.status !== 'ready' || !('stream' in redis)) return;
  const { stream } = redis;
  stream.cork();
  process.nextTick(() => {
    stream.uncork();
  });
}

/**
 * `SET key image EX seconds` that hands the image to the socket as it is: the client library would join it with the words
 * around it, in a buffer of its own.
 */
export class SetImage extends Command {
  constructor(
    private readonly key: string,
    private readonly image: Buffer,
    private readonly seconds: number,
  ) {
    super('set', [key, image, 'EX', String(seconds)]);
  }

  override toWritable(socket: { write(data: string | Buffer): unknown }): string {
    const word = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    socket.write(`*5\r\n${word('set')}${word(this.key)}$${this.image.length}\r\n`);
    socket.write(this.image);
    return `\r\n${word('EX')}${word(String(this.seconds))}`;
  }
}
