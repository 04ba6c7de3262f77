/** A name server on a port of loopback: it answers as told, late, or never. Enough of RFC 1035 for A and AAAA. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

/**
 * What is said of a name: its addresses, of either family; that it does not exist; that the server cannot tell; or nothing, ever.
 * A promise of one of these is an answer that takes its time.
 */
export type Answer = readonly string[] | 'NXDOMAIN' | 'SERVFAIL' | 'nothing';

export interface NameServer {
  /** With its port. */
  readonly address: string;
  /** Every question in its order, as `A name`. */
  readonly asked: string[];
  readonly stop: () => void;
}

const codes = { NXDOMAIN: 3, SERVFAIL: 2 } as const;

export async function startNameServer(
  answer: (name: string, type: 'A' | 'AAAA') => Answer | Promise<Answer>,
): Promise<NameServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  let stopped = false;
  const reply = async (query: Buffer, from: RemoteInfo): Promise<void> => {
    const { name, type, end } = question(query);
    asked.push(`${type} ${name}`);
    const said = await answer(name, type);
    if (said === 'nothing' || stopped) return;
    const addresses = typeof said === 'string' ? [] : said.filter((each) => isIPv4(each) === (type === 'A'));
    const records = addresses.map(record);
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (typeof said === 'string' ? codes[said] : 0), 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), from.port, from.address);
  };
  socket.on('message', (query, from) => void reply(query, from));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    stop: () => {
      if (!stopped) socket.close();
      stopped = true;
    },
  };
}

function question(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1) === 28 ? 'AAAA' : 'A';
  return { name: labels.join('.').toLowerCase(), type, end: at + 5 };
}

function record(address: string): Buffer {
  const four = isIPv4(address);
  const data = four ? Buffer.from(address.split('.').map(Number)) : ipv6(address);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(four ? 1 : 28, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6(address: string): Buffer {
  const [front = [], back = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0'), ...back];
  return Buffer.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]));
}
