/** Completion for fish, a line for each word. */
import { nodesOf, quoted, type Commands, type Node } from './tree.js';

export function fishCompletion(commands: Commands): string {
  const lines = nodesOf(commands).flatMap((node) => linesOf(node, commands));
  return `# Completion of quintet for fish. Written by: quintet completion fish
complete -c quintet -e
complete -c quintet -f
${lines.map((line) => `complete -c quintet ${line}\n`).join('')}`;
}

function linesOf(node: Node, all: Commands): string[] {
  const { words, commands, flags, operands } = node;
  const names = Object.keys(commands);
  const here = words.map((word) => `__fish_seen_subcommand_from ${word}`);
  const first = words.length === 0 ? ['__fish_use_subcommand'] : here;
  const before = names.length > 0 && words.length > 0 ? [`not __fish_seen_subcommand_from ${names.join(' ')}`] : [];
  const when = `-n ${quoted([...first, ...before].join('; and '))}`;
  const flagLines = Object.entries(flags).map(([name, { short, type, takes, help }]) => {
    const letter = short === undefined ? '' : ` -s ${short}`;
    const isList = typeof takes === 'object';
    const value = type === 'boolean' ? '' : takes === 'file' || takes === 'folder' ? ' -r -F' : ' -x';
    return `${when}${letter} -l ${name}${value}${isList ? ` -a ${quoted(takes.join(' '))}` : ''} -d ${quoted(help)}`;
  });
  const commandLines = Object.entries(commands).map(
    ([name, { summary }]) => `${when} -a ${quoted(name)} -d ${quoted(summary)}`,
  );
  if (operands === 'file') return [...flagLines, `${when} -F`];
  const listed = operands === 'commands' ? Object.keys(all) : operands === 'none' ? [] : operands;
  return [...flagLines, ...commandLines, ...(listed.length === 0 ? [] : [`${when} -a ${quoted(listed.join(' '))}`])];
}
