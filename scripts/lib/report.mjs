/** What the person at the terminal reads: a line for each step, and for a failure what happened and what to do next. */

const colour = process.stdout.isTTY === true && !process.env['NO_COLOR'];
const WIDTH = 10;

/** @param {string} code @param {string} text */
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

/** A failure that was foreseen: it is told without a stack trace. */
export class StepError extends Error {
  /**
   * @param {string} message what happened
   * @param {string} next what to do about it
   * @param {readonly string[]} details lines to show between the two, such as the end of a program's output
   */
  constructor(message, next, details = []) {
    super(message);
    this.name = 'StepError';
    this.next = next;
    this.details = details;
  }
}

/** One line of `source` (a service, or quintet itself). @param {string} source @param {string} text */
export function line(source, text) {
  process.stdout.write(`${paint('36', source.padEnd(WIDTH))} ${paint('90', '|')} ${text}\n`);
}

/** @param {string} text */
export const step = (text) => line('quintet', text);

/** @param {string} text */
export const warn = (text) => line('quintet', paint('33', `warning: ${text}`));

/** @param {string} text */
export const bold = (text) => paint('1', text);

/** Tells an error; a stack only where nobody foresaw it. @param {unknown} error */
export function tellFailure(error) {
  if (error instanceof StepError) {
    for (const detail of error.details) process.stderr.write(`  ${detail}\n`);
    process.stderr.write(`${paint('31', error.message)}\n${error.next}\n`);
  } else {
    process.stderr.write(`Unexpected: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.stderr.write('This is a mistake in scripts/; please report it with the lines above.\n');
  }
}

/** `since` is a performance.now(). @param {number} since */
export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
