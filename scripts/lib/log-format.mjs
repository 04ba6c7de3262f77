/** A service's JSON log line as a person reads it: numbers to three digits. */
import { rounded } from './numbers.mjs';

const HIDDEN = new Set(['time', 'level', 'service', 'pid', 'hostname', 'message', 'error']);

/**
 * `{"level":"warn","message":"slow","seconds":3}` → `WARN slow seconds=3`; what is not JSON comes back as it is.
 * @param {string} text
 */
export function formatLogLine(text) {
  const entry = parse(text);
  if (entry === undefined) return text;
  const { time, level, message, error } = entry;
  const clock = typeof time === 'string' ? `${time.slice(11, 19)} ` : '';
  const severity = typeof level === 'string' && level !== 'info' ? `${level.toUpperCase()} ` : '';
  const fields = Object.entries(entry)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined && value !== null)
    .map(([key, value]) => ` ${key}=${show(value)}`);
  const cause = error === undefined ? '' : `: ${show(/** @type {{message?: unknown}} */ (error)?.message ?? error)}`;
  return `${clock}${severity}${String(message ?? '')}${cause}${fields.join('')}`;
}

/** Whether a line says only how things go. @param {string} text */
export const isInfo = (text) => ['trace', 'debug', 'info'].includes(String(parse(text)?.['level']));

/** A line without its time and fields. @param {string} text */
export const messageOf = (text) => String(parse(text)?.['message'] ?? text);

/** @param {string} text @returns {Record<string, unknown> | undefined} */
function parse(text) {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {unknown} value */
const show = (value) =>
  typeof value === 'string' ? value.replaceAll('\n', ' ') : JSON.stringify(value, roundedNumbers);

/** @param {string} _key @param {unknown} value */
const roundedNumbers = (_key, value) => (typeof value === 'number' ? rounded(value) : value);
