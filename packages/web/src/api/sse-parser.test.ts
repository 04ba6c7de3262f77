import { describe, expect, it } from 'vitest';
import { EventParser } from './sse-parser.js';

describe('EventParser', () => {
  it('gives what is complete, wherever the chunks end', () => {
    const text =
      'retry: 1500\n\n:\n\nevent: status\nid: queued-3\ndata: {"a":1}\n\nid: done\r\ndata: x\r\ndata: y\r\n\r\nda';
    for (let size = 1; size < text.length; size += 1) {
      const parser = new EventParser();
      const events = [];
      for (let from = 0; from < text.length; from += size) events.push(...parser.push(text.slice(from, from + size)));
      expect(events).toEqual([
        { type: 'status', data: '{"a":1}', id: 'queued-3' },
        { type: 'message', data: 'x\ny', id: 'done' },
      ]);
      expect(parser.retryMs).toBe(1500);
      expect(parser.lastId).toBe('done');
    }
  });

  it('keeps the id of an earlier connection until it is told another', () => {
    const parser = new EventParser('queued-1');
    expect(parser.push('data: x\n\n')).toEqual([{ type: 'message', data: 'x', id: 'queued-1' }]);
  });

  it('ignores comments, unknown fields, a retry that is no number, and events without data', () => {
    const parser = new EventParser();
    expect(parser.push(': hello\nfoo: bar\nretry: soon\nevent: status\n\n')).toEqual([]);
    expect(parser.push('data\n\n')).toEqual([{ type: 'message', data: '', id: '' }]);
    expect(parser.retryMs).toBeUndefined();
  });
});
