/** What the service answers piece by piece: Server-Sent Events, and JSON documents, a line each (NDJSON). */

export interface ServerEvent {
  readonly id: string;
  readonly data: string;
}

/** More than any job is long; an endless line is no event stream. */
const longestLine = 4 * 1024 * 1024;

/**
 * Server-Sent Events as the HTML standard defines them, of which the service uses `id`, `data` and `retry`: each that
 * has data. Calls `onChunk` at whatever comes, comments included, and `onRetry` with the milliseconds to wait before
 * connecting again. What no empty line ends is dropped, as the standard has it.
 */
export async function* parseEvents(
  chunks: AsyncIterable<Uint8Array>,
  onChunk: () => void,
  onRetry: (ms: number) => void,
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    onChunk();
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > longestLine) throw new Error('an event is too long');
    // A line feed may be the second half of a line's end that was cut between chunks.
    const complete = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    const lines = complete.split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + rest.slice(complete.length);
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, data: data.join('\n') };
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') data.push(value);
      else if (field === 'id' && !value.includes('\0')) id = value;
      else if (field === 'retry' && /^\d+$/.test(value)) onRetry(Number(value));
    }
  }
}

/** The values of NDJSON. */
export async function* parseJsonLines<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T;
}
