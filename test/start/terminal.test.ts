/** What `npm start` writes, on terminals of every kind: as a pure function of a stream and a clock. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Terminal, abilities } from '../../scripts/lib/terminal.mjs';
import { duration, rounded } from '../../scripts/lib/numbers.mjs';

/** A screen that understands as much as a terminal needs for these lines: it wraps at its width, goes up, and erases below. */
class Screen {
  readonly rows: string[] = [''];
  #row = 0;
  constructor(public columns: number) {}

  write(text: string): boolean {
    // eslint-disable-next-line no-control-regex -- a terminal's
    for (const [part] of text.matchAll(/\u001b\[(\d*)([A-Za-z])|\n|\r|[^\u001b\n\r]/gu)) {
      // eslint-disable-next-line no-control-regex -- as above
      const [, count, command] = /^\u001b\[(\d*)([A-Za-z])/.exec(part) ?? [];
      if (command === 'A') this.#row -= Number(count);
      else if (command === 'J') this.rows.splice(this.#row, Infinity, '');
      else if (command !== undefined || part === '\r') continue;
      else if (part === '\n') this.#down();
      else {
        if ((this.rows[this.#row] ?? '').length >= this.columns) this.#down();
        this.rows[this.#row] = `${this.rows[this.#row] ?? ''}${part}`;
      }
    }
    return true;
  }

  #down(): void {
    this.#row += 1;
    this.rows[this.#row] ??= '';
  }
}

const live = { live: true, colour: false, unicode: true };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a terminal', () => {
  it('rewrites one line for each step under way, and keeps one line of each that is done', () => {
    const screen = new Screen(60);
    const terminal = new Terminal(screen, live);
    const first = terminal.begin('Dependencies: running npm ci');
    const second = terminal.begin('Redis: installing');
    vi.advanceTimersByTime(12_000);
    expect(screen.rows).toEqual([
      expect.stringMatching(/^. Dependencies: running npm ci 12 s$/),
      expect.stringMatching(/^. Redis: installing 12 s$/),
      '',
    ]);
    terminal.line('worker', 'something happened');
    second.end('Redis: installed in 12 s');
    first.note('Dependencies: nearly done');
    vi.advanceTimersByTime(1000);
    expect(screen.rows.slice(0, 2)).toEqual(['worker     | something happened', '✔ Redis: installed in 12 s']);
    expect(screen.rows[2]).toMatch(/^. Dependencies: nearly done 13 s$/);
    first.end('Dependencies: installed in 13 s');
    expect(screen.rows.slice(2)).toEqual(['✔ Dependencies: installed in 13 s', '']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves nothing of a step that failed', () => {
    const screen = new Screen(40);
    const terminal = new Terminal(screen, live);
    const task = terminal.begin('Build: TypeScript and the page');
    terminal.endAll();
    task.end();
    terminal.write('It failed.\n');
    expect(screen.rows).toEqual(['It failed.', '']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('never breaks a line that it rewrites, however narrow, long or resized', () => {
    const anything = fc.array(
      fc.record({ text: fc.string({ unit: 'grapheme-ascii', maxLength: 200 }), ms: fc.nat({ max: 4_000_000 }) }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 120 }), fc.boolean(), anything, (columns, unicode, notes) => {
        const screen = new Screen(columns);
        const written: string[] = [];
        let time = 0;
        const stream = {
          columns,
          write: (text: string) => {
            written.push(text);
            return screen.write(text);
          },
        };
        const terminal = new Terminal(stream, { ...live, unicode }, () => time);
        const task = terminal.begin('begins');
        for (const { text, ms } of notes) {
          time += ms;
          task.note(text);
          terminal.write('');
          expect(screen.rows).toHaveLength(2);
          expect((screen.rows[0] ?? '').length).toBeLessThan(columns);
        }
        task.end('done');
        expect(screen.rows).toHaveLength(2);
        expect(screen.rows[0]).toMatch(/ done$/);
      }),
    );
  });

  it('erases as many rows as its line takes after the window became narrower', () => {
    const screen = new Screen(40);
    const stream = { columns: 80, write: (text: string) => screen.write(text) };
    const terminal = new Terminal(stream, live);
    const task = terminal.begin('x'.repeat(70));
    // 40 columns show the line of 72 in two rows.
    expect(screen.rows).toHaveLength(3);
    stream.columns = 40;
    task.end('done');
    expect(screen.rows).toEqual(['✔ done', '']);
  });

  it('writes plain lines where nobody watches', () => {
    const screen = new Screen(200);
    const terminal = new Terminal(screen, { ...live, live: false });
    const task = terminal.begin('Build: TypeScript and the page');
    task.note('not shown');
    vi.advanceTimersByTime(5000);
    terminal.warn('careful');
    task.end('Build: done in 5 s');
    task.end();
    expect(screen.rows).toEqual([
      'quintet    | Build: TypeScript and the page',
      'quintet    | warning: careful',
      'quintet    | Build: done in 5 s',
      '',
    ]);
  });

  it.each([
    [{ isTTY: true }, {}, { live: true, colour: true }],
    [{ isTTY: true }, { NO_COLOR: '1' }, { live: false, colour: false }],
    [{ isTTY: true }, { CI: 'true' }, { live: false, colour: true }],
    [{ isTTY: true }, { TERM: 'dumb' }, { live: false, colour: false }],
    [{ isTTY: true }, { LOG_FORMAT: 'json' }, { live: false, colour: true }],
    [{}, {}, { live: false, colour: false }],
  ])('of %o with %o can do %o', (stream, env, can) => {
    expect(abilities(stream, env, 'linux')).toEqual({ ...can, unicode: false });
    expect(abilities(stream, { ...env, LANG: 'C.UTF-8' }, 'linux')).toEqual({ ...can, unicode: true });
  });
});

it.each([
  [0, '0 s'],
  [1240, '1.2 s'],
  [9940, '9.9 s'],
  [9960, '10 s'],
  [12_345, '12 s'],
  [59_700, '1 min'],
  [125_000, '2 min 5 s'],
])('%i ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it('numbers in log lines have three digits, or are whole', () => {
  expect([27.444866999999704, 1234.5678, 0.00012345, 20_971_520].map(rounded)).toEqual([
    27.4, 1230, 0.000123, 20_971_520,
  ]);
});
