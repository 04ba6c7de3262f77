/** Completion for zsh, by its `_arguments`. */
import { nodesOf, quoted, spellings, type Commands, type Node } from './tree.js';

export function zshCompletion(commands: Commands): string {
  const functions = nodesOf(commands).map((node) => functionOf(node, commands));
  return `#compdef quintet
# Completion of quintet for zsh. Written by: quintet completion zsh
${functions.join('\n')}
if [ "$funcstack[1]" = "_quintet" ]; then
  _quintet "$@"
else
  compdef _quintet quintet
fi
`;
}

const nameOf = (words: readonly string[]): string => ['_quintet', ...words].join('_');

function functionOf(node: Node, all: Commands): string {
  const { words, commands } = node;
  const flags = Object.entries(node.flags).map((flag) => {
    const [, { help, type, value = '', takes }] = flag;
    const names = spellings(flag);
    const exclusive = `(${names.join(' ')})`;
    const action =
      takes === undefined
        ? ' '
        : takes === 'file'
          ? '_files'
          : takes === 'folder'
            ? '_files -/'
            : `(${takes.join(' ')})`;
    const argument = type === 'boolean' ? '' : `:${escaped(value)}:${action}`;
    const spelled = names.length === 1 ? (names[0] ?? '') : `'{${names.join(',')}}'`;
    return quotedAround(exclusive, spelled, `[${escaped(help)}]${argument}`);
  });
  const names = Object.keys(commands);
  if (names.length === 0) {
    return `${nameOf(words)}() {\n  _arguments -s ${[...flags, ...operandsOf(node, all)].join(' \\\n    ')}\n}`;
  }
  const list = Object.entries(commands).map(([name, { summary }]) => quoted(`${name}:${summary}`));
  const branches = names.map((name) => `        ${name}) ${nameOf([...words, name])} ;;`);
  return `${nameOf(words)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${[...flags, "'1:command:->command'", "'*::rest:->rest'"].join(' \\\n    ')}
  case $state in
    command)
      local -a list
      list=(${list.join(' ')})
      _describe command list
      ;;
    rest)
      case $words[1] in
${branches.join('\n')}
      esac
      ;;
  esac
}`;
}

/** In a description, `]` ends it and `:` begins what follows. */
const escaped = (text: string): string => text.replaceAll(/[\\[\]:]/g, String.raw`\$&`);

/** The spellings of a flag stand outside of the quotes, where the shell makes two words of them. */
function quotedAround(exclusive: string, spelled: string, rest: string): string {
  const inner = (text: string): string => text.replaceAll("'", String.raw`'\''`);
  return `'${exclusive}${spelled}${inner(rest)}'`;
}

function operandsOf({ operands }: Node, all: Commands): string[] {
  if (operands === 'none') return [];
  if (operands === 'file') return ["'*:file:_files'"];
  return [quoted(`*:word:(${(operands === 'commands' ? Object.keys(all) : operands).join(' ')})`)];
}
