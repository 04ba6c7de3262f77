/** The text/event-stream format (HTML Living Standard, section 9.2.6), fed with text as it arrives. */

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** The last id that the stream has told, this event's or an earlier one's. */
  readonly id: string;
}

export class EventParser {
  #rest = '';
  #data: string[] = [];
  #type = '';
  /** Milliseconds to wait before connecting again, as the stream asked for. */
  retryMs: number | undefined;

  /** `lastId`: what an earlier connection of the same stream has told. */
  constructor(public lastId = '') {}

  /** The events that are complete with `chunk`. */
  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const text = this.#rest + chunk;
    // A carriage return at the end may be half of a line break.
    const complete = text.endsWith('\r') ? text.slice(0, -1) : text;
    const lines = complete.split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + text.slice(complete.length);
    for (const line of lines) {
      const event = this.#line(line);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const event = { type: this.#type === '' ? 'message' : this.#type, data: this.#data.join('\n'), id: this.lastId };
    const isEmpty = this.#data.length === 0;
    this.#data = [];
    this.#type = '';
    return isEmpty ? undefined : event;
  }
}
