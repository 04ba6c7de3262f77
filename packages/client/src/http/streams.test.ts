import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvents, type ServerEvent } from './streams.js';

const encoder = new TextEncoder();

async function parse(chunks: readonly Uint8Array[]): Promise<{ events: ServerEvent[]; retries: number[] }> {
  const events: ServerEvent[] = [];
  const retries: number[] = [];
  const source = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  const note = (ms: number): void => {
    retries.push(ms);
  };
  for await (const event of parseEvents(source, () => undefined, note)) events.push(event);
  return { events, retries };
}

const stream =
  'retry: 1500\n\n: beat\n\nevent: status\nid: queued-3\ndata: {"a":"ü"}\n\nid: done\ndata: 1\ndata:2\n\ndata: cut';
const expected = {
  events: [
    { id: 'queued-3', data: '{"a":"ü"}' },
    { id: 'done', data: '1\n2' },
  ],
  retries: [1500],
};

describe('an event stream', () => {
  it('is the same however it is cut into chunks and lines', async () => {
    const ends = fc.constantFrom('\n', '\r\n', '\r');
    await fc.assert(
      fc.asyncProperty(ends, fc.array(fc.nat(200), { maxLength: 8 }), async (end, cuts) => {
        const bytes = encoder.encode(stream.replaceAll('\n', end));
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
        expect(await parse(chunks)).toEqual(expected);
      }),
    );
  });

  it('has no more than what the standard says: no comments, no unknown fields, no event without data', async () => {
    const odd = ': hello\nfoo: bar\nretry: soon\nid: a\nevent: status\n\ndata\n\nid: b\0\ndata:  x\n\n';
    expect(await parse([encoder.encode(odd)])).toEqual({
      events: [
        { id: 'a', data: '' },
        { id: 'a', data: ' x' },
      ],
      retries: [],
    });
  });
});
