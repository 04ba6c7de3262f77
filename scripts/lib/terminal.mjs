/**
 * Lines on a terminal: finished ones stay, and below them one line for each step under way is rewritten as it goes on.
 *
 * Where nobody watches (no terminal, CI, NO_COLOR, a dumb one) a step is a plain line when it begins and one when it ends.
 * Invariant: a line that is rewritten is never wider than the terminal, and what was drawn is erased by the number of rows that it
 * takes now, so that neither 40 columns nor a resized window leave anything behind.
 */
import { stripVTControlCharacters } from 'node:util';
import { duration } from './numbers.mjs';

const TICK_MS = 100;
const UNICODE = { frames: [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'], done: '✔', warning: '!', cut: '…' };
const ASCII = { frames: [...'-\\|/'], done: '*', warning: '!', cut: '>' };
const LABEL_WIDTH = 10;

/**
 * @typedef {Pick<NodeJS.WriteStream, 'write'> & { columns?: number }} Stream
 * @typedef {{ live: boolean, colour: boolean, unicode: boolean }} Abilities
 * @typedef {object} Task a step under way
 * @property {boolean} live whether its line is rewritten
 * @property {(text: string) => void} note what it does now; shown only while the line is rewritten
 * @property {(text?: string) => void} end ends it; `text` stays as a line
 */

/**
 * What may be written to this stream.
 * @param {{ isTTY?: boolean }} stream
 * @param {NodeJS.ProcessEnv} env
 * @param {NodeJS.Platform} [platform]
 * @returns {Abilities}
 */
export function abilities(stream, env, platform = process.platform) {
  const colour = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return {
    colour,
    live: colour && !env['CI'] && env['LOG_FORMAT']?.trim() !== 'json',
    unicode: platform === 'darwin' || platform === 'win32' || /utf-?8/i.test(locale),
  };
}

export class Terminal {
  /** @type {{ text: string, began: number }[]} */
  #tasks = [];
  /** Widths of the rewritten lines that are on the screen. @type {number[]} */
  #drawn = [];
  #frame = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /** @param {Stream} stream @param {Abilities} can @param {() => number} [now] milliseconds */
  constructor(stream, can, now = () => performance.now()) {
    this.stream = stream;
    this.can = can;
    this.now = now;
    this.signs = can.unicode ? UNICODE : ASCII;
  }

  get columns() {
    return Math.max(20, this.stream.columns ?? 80);
  }

  /** @param {string} code @param {string} text */
  paint(code, text) {
    return this.can.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }

  /** Writes text with its own line breaks above what is rewritten. @param {string} text */
  write(text) {
    this.stream.write(`${this.#erasing()}${text}${this.#drawing()}`);
  }

  /** A line of a service or of the set-up itself. @param {string} source @param {string} text */
  line(source, text) {
    this.write(`${this.paint('36', source.padEnd(LABEL_WIDTH))} ${this.paint('90', '|')} ${text}\n`);
  }

  /** A step that is done. @param {string} text */
  step(text) {
    if (this.can.live) this.write(`${this.paint('32', this.signs.done)} ${text}\n`);
    else this.line('quintet', text);
  }

  /** @param {string} text */
  warn(text) {
    const warning = this.paint('33', `warning: ${text}`);
    if (this.can.live) this.write(`${this.paint('33', this.signs.warning)} ${warning}\n`);
    else this.line('quintet', warning);
  }

  /** @param {string} text @returns {Task} */
  begin(text) {
    if (!this.can.live) {
      this.line('quintet', text);
      return { live: false, note: () => undefined, end: (closing) => closing !== undefined && this.step(closing) };
    }
    const task = { text, began: this.now() };
    this.#tasks.push(task);
    this.#timer ??= setInterval(() => {
      this.#frame += 1;
      this.write('');
    }, TICK_MS).unref();
    this.write('');
    return {
      live: true,
      note: (next) => {
        task.text = next;
      },
      end: (closing) => {
        if (!this.#tasks.includes(task)) return;
        const erasing = this.#erasing();
        this.#tasks = this.#tasks.filter((each) => each !== task);
        if (this.#tasks.length === 0) {
          clearInterval(this.#timer);
          this.#timer = undefined;
        }
        this.stream.write(erasing);
        if (closing === undefined) this.write('');
        else this.step(closing);
      },
    };
  }

  /** Takes the rewritten lines off the screen for good. */
  endAll() {
    this.stream.write(this.#erasing());
    this.#tasks = [];
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #erasing() {
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / this.columns)), 0);
    this.#drawn = [];
    return rows === 0 ? '' : `\u001b[${rows}A\r\u001b[J`;
  }

  #drawing() {
    const lines = this.#tasks.map(({ text, began }) => {
      const elapsed = this.now() - began;
      const plain = stripVTControlCharacters(text).replaceAll(/\s+/g, ' ');
      return fit(plain, elapsed < 1000 ? '' : ` ${duration(Math.floor(elapsed / 1000) * 1000)}`, {
        width: this.columns - 3,
        cut: this.signs.cut,
      });
    });
    this.#drawn = lines.map((line) => [...line].length + 2);
    const frame = this.paint('36', this.signs.frames[this.#frame % this.signs.frames.length] ?? '');
    return lines.map((line) => `${frame} ${line}\n`).join('');
  }
}

/**
 * `text` and then `tail` in at most `width` characters; it is the text that is cut.
 * @param {string} text
 * @param {string} tail
 * @param {{ width: number, cut: string }} options
 */
function fit(text, tail, { width, cut }) {
  const letters = [...text];
  const room = Math.max(1, width - tail.length);
  return (letters.length > room ? `${letters.slice(0, room - 1).join('')}${cut}` : text) + tail;
}
