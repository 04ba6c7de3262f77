/** What the person at the terminal reads: a line for each step, and for a failure what happened and what to do next. */
import { duration } from './numbers.mjs';
import { abilities, Terminal } from './terminal.mjs';

export const terminal = new Terminal(process.stdout, abilities(process.stdout, process.env));

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
export const line = (source, text) => terminal.line(source, text);

/** @param {string} text */
export const step = (text) => terminal.step(text);

/** @param {string} text */
export const warn = (text) => terminal.warn(text);

/**
 * Shows `text` as long as `work` goes on. What `work` says last, with `end`, stays.
 * @template T
 * @param {string} text
 * @param {(task: import('./terminal.mjs').Task) => Promise<T>} work
 */
export async function during(text, work) {
  const task = terminal.begin(text);
  try {
    return await work(task);
  } finally {
    task.end();
  }
}

/** Tells an error; a stack only where nobody foresaw it. @param {unknown} error */
export function tellFailure(error) {
  terminal.endAll();
  if (error instanceof StepError) {
    for (const detail of error.details) process.stderr.write(`  ${detail}\n`);
    process.stderr.write(`${terminal.paint('31', error.message)}\n${error.next}\n`);
  } else {
    process.stderr.write(`Unexpected: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.stderr.write('This is a mistake in scripts/; please report it with the lines above.\n');
  }
}

/** The time since `since`, a performance.now(). @param {number} since */
export const seconds = (since) => duration(performance.now() - since);
