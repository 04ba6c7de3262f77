import type { Job } from '@quintet/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stateOf, type JobState } from '../jobs/index.js';
import { EventStreams, frameOf, mostBuffered, type EventSink } from './event-streams.js';

const job = (status: Job['status'], extra: Partial<Job> = {}): JobState =>
  stateOf({
    id: 'a',
    status,
    model: { name: 'resnet50' },
    created_at: '2026-01-01T00:00:00.000Z',
    metadata: {},
    links: { self: '/v1/jobs/a' },
    ...extra,
  });
const queued = (position: number): JobState => job('queued', { queue: { position, eta_seconds: 0.5 } });

/** A response whose reader takes nothing unless told to. */
class Reader implements EventSink {
  writableLength = 0;
  text = '';
  ended = false;
  destroyed = false;
  readonly #listeners = new Map<string, (() => void)[]>();

  constructor(readonly takes = true) {}

  write(chunk: string): boolean {
    this.text += chunk;
    if (!this.takes) this.writableLength += chunk.length;
    return this.writableLength < 16_384;
  }
  end(chunk = ''): void {
    this.text += chunk;
    this.ended = true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
  on(event: 'drain' | 'close', listener: () => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }
  emit(event: 'drain' | 'close'): void {
    if (event === 'drain') this.writableLength = 0;
    for (const listener of this.#listeners.get(event) ?? []) listener();
  }
  get ids(): string[] {
    return [...this.text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id ?? '');
  }
}

let sizes: number[];
let streams: EventStreams;
beforeEach(() => {
  vi.useFakeTimers();
  sizes = [];
  streams = new EventStreams({ heartbeatMs: 15_000, most: 3, onSize: (size) => sizes.push(size) });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the id of an event', () => {
  it('says the state, so that a change of it is a change of the id', () => {
    expect(queued(17).token).toBe('queued-17-0.5');
    expect(job('queued', { queue: { position: 17 } }).token).toBe('queued-17');
    expect(job('processing').token).toBe('processing');
    for (const status of ['succeeded', 'failed', 'canceled', 'expired'] as const) {
      expect(job(status)).toMatchObject({ token: status, final: true });
    }
  });
});

describe('frameOf', () => {
  it('is one event whose data is one line, whatever the job holds', () => {
    const state = job('succeeded', { metadata: { note: 'a\nb\r\nc\u2028' } });
    const lines = frameOf(state).split('\n');
    expect(lines.slice(0, 2)).toEqual(['event: status', 'id: succeeded']);
    expect(lines.slice(3)).toEqual(['', '']);
    expect(JSON.parse(lines[2]?.replace('data: ', '') ?? '')).toEqual(state.job);
  });
});

describe('EventStreams', () => {
  it('tells each state once, and ends after the last', () => {
    const reader = new Reader();
    const stream = streams.open(reader, undefined);
    expect(reader.text).toBe('retry: 1000\n\n');
    for (const state of [queued(1), queued(1), queued(0), job('processing'), job('succeeded'), job('failed')]) {
      stream.send(state);
    }
    expect(reader.ids).toEqual(['queued-1-0.5', 'queued-0-0.5', 'processing', 'succeeded']);
    expect(reader.ended).toBe(true);
  });

  it('does not repeat the state that the client has', () => {
    const reader = new Reader();
    const stream = streams.open(reader, 'processing');
    stream.send(job('processing'));
    stream.send(job('succeeded'));
    expect(reader.ids).toEqual(['succeeded']);
  });

  it('keeps a bounded amount for a slow reader, skips what is past, and tells the latest when it has caught up', () => {
    const reader = new Reader(false);
    const stream = streams.open(reader, undefined);
    for (let position = 100_000; position > 0; position -= 1) stream.send(queued(position));
    expect(reader.writableLength).toBeLessThan(mostBuffered + 1000);
    const before = reader.ids.length;
    reader.emit('drain');
    expect(reader.ids.slice(before)).toEqual(['queued-1-0.5']);
    // The end is told however much waits.
    for (let position = 100_000; position > 0; position -= 1) stream.send(queued(position));
    stream.send(job('succeeded'));
    expect(reader.ids.at(-1)).toBe('succeeded');
    expect(reader.ended).toBe(true);
  });

  it('beats, and cuts a reader that takes nothing for four beats', () => {
    const [good, stuck] = [new Reader(), new Reader(false)];
    streams.open(good, undefined);
    streams.open(stuck, undefined);
    vi.advanceTimersByTime(45_000);
    expect(good.text).toBe('retry: 1000\n\n:\n\n:\n\n:\n\n');
    expect(stuck.destroyed).toBe(false);
    vi.advanceTimersByTime(15_000);
    expect([good.destroyed, stuck.destroyed]).toEqual([false, true]);
    expect(sizes.at(-1)).toBe(1);
  });

  it('keeps nothing of those that have left', () => {
    const readers = [new Reader(), new Reader(), new Reader()];
    for (const reader of readers) streams.open(reader, undefined);
    expect(() => {
      streams.requireRoom();
    }).toThrow('3 event streams are open');
    for (const reader of readers) reader.emit('close');
    expect(sizes).toEqual([1, 2, 3, 2, 1, 0]);
    expect(vi.getTimerCount()).toBe(0);
    streams.requireRoom();
  });

  it('ends every stream when the service stops, and tells later ones how things stand', () => {
    const [before, after] = [new Reader(), new Reader()];
    streams.open(before, undefined).send(queued(1));
    streams.close();
    expect(before.ended).toBe(true);
    streams.open(after, undefined).send(queued(1));
    expect([after.ids, after.ended]).toEqual([['queued-1-0.5'], true]);
  });
});
