/** What `npm start` says when a picture can be classified: where, what, and one command that works as it is. */
import { isAbsolute, join, relative } from 'node:path';

const WIDEST = 110;
const UNICODE = { top: '╭─╮', bottom: '╰─╯', side: '│' };
const ASCII = { top: '+-+', bottom: '+-+', side: '|' };

/**
 * @typedef {object} Facts
 * @property {string} url of the page, without a slash at its end
 * @property {string} model the model's name, and why it is that one
 * @property {string} picture path of a picture, as the shell at the terminal finds it
 * @property {boolean} open whether other machines reach it
 * @property {boolean} keyed whether clients need an API key
 * @property {string} took
 */

/** A command that classifies the picture. @param {Facts} facts */
export function curlCommand({ url, picture, keyed }) {
  const key = keyed ? ' -H "Authorization: Bearer $QUINTET_API_KEY"' : '';
  return `curl -sS -H 'Prefer: wait=10'${key} -F ${quoted(`image=@${picture}`)} ${url}/v1/jobs`;
}

/** @param {string} argument */
const quoted = (argument) => (/^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`);

/**
 * The file as a shell in `from` names it: from there where it lies below, else from the root of the disk.
 * @param {string} from @param {string} root @param {string} [name]
 */
export function picturePath(from, root, name = join('examples', 'pictures', 'wall-clock.jpg')) {
  const file = join(root, name);
  const near = relative(from, file);
  return near.startsWith('..') || isAbsolute(near) ? file : near;
}

/**
 * The lines of the banner. Boxed where `live`; the command is in the box only where it fits in one line, since one that is broken
 * cannot be copied. Where not even an address fits, there is no box.
 * @param {Facts} facts
 * @param {{ columns: number, live: boolean, unicode: boolean, bold?: (text: string) => string }} terminal
 */
export function bannerLines(facts, { columns, live, unicode, bold = (text) => text }) {
  const { url, model, open, keyed, took } = facts;
  const heading = 'Quintet is ready';
  const reach = open
    ? `other machines reach it${keyed ? '' : '; without API_KEYS they may do everything'}`
    : `this machine only. For others: HOST=0.0.0.0 npm start${keyed ? '' : ', with API_KEYS (docs/security.md)'}`;
  const rows = [
    ['Docs', `${url}/docs`],
    ['Model', model],
    ['Open to', reach],
    ['Stop', `Ctrl-C. Everything ran after ${took}`],
  ];
  const command = curlCommand(facts);
  const inner = Math.min(columns, WIDEST) - 5;
  const page = ['Page', url];
  const wrapped = [heading, ...[page, ...rows].flatMap(([name = '', text = '']) => wrap(name.padEnd(8), text, inner))];
  if (!live || wrapped.some((text) => text.length > inner)) {
    const lines = rows.map(([name = '', text]) => `  ${name.padEnd(8)}${text}`);
    return [bold(`${heading}: ${url}`), ...lines, '', `  ${command}`];
  }
  const fits = command.length <= inner;
  const inside = fits ? [...wrapped, '', command] : wrapped;
  const width = Math.max(...inside.map((text) => text.length));
  const { top, bottom, side } = unicode ? UNICODE : ASCII;
  const edge = (/** @type {string} */ signs) => `${signs[0]}${(signs[1] ?? '').repeat(width + 2)}${signs[2]}`;
  const boxed = inside.map((text) => {
    const shown = text === heading || text === command ? bold(text) : text;
    return `${side} ${shown}${' '.repeat(width - text.length)} ${side}`;
  });
  return [edge(top), ...boxed, edge(bottom), ...(fits ? [] : ['', command])];
}

/**
 * `label` and `text` in lines of at most `width` where its words let it; further lines begin below the text.
 * @param {string} label @param {string} text @param {number} width
 */
function wrap(label, text, width) {
  /** @type {string[]} */
  const lines = [];
  let line = label;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(label.length);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
