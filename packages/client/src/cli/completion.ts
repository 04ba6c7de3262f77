/** Scripts that complete command lines, each from the same look at the commands. */
import type { Command, Operands } from './command.js';
import type { Flag, Flags } from './flags.js';

export type Commands = Readonly<Record<string, Command>>;

/** A command, or the beginning of one: the root has no words. */
export interface Node {
  /** As in `webhook listen`. */
  readonly words: readonly string[];
  readonly summary: string;
  /** The words that go on to another. */
  readonly commands: Commands;
  readonly flags: Flags;
  readonly operands: Operands['complete'];
}

const helpFlag: Flags = { help: { type: 'boolean', short: 'h', help: 'say what there is' } };
const rootFlags: Flags = { ...helpFlag, version: { type: 'boolean', short: 'v', help: 'say which version this is' } };

/** The root, and every command below it. */
export function nodesOf(commands: Commands): readonly Node[] {
  const below = (some: Commands, before: readonly string[]): Node[] =>
    Object.entries(some).flatMap(([name, { summary, flags, operands, subcommands = {} }]) => {
      const words = [...before, name];
      const complete = operands?.complete ?? 'none';
      const node = { words, summary, commands: subcommands, flags: { ...flags, ...helpFlag }, operands: complete };
      return [node, ...below(subcommands, words)];
    });
  const root = { words: [], summary: '', commands, flags: rootFlags, operands: 'none' as const };
  return [root, ...below(commands, [])];
}

/** `-m`, `--model`. */
export function spellings([name, { short }]: readonly [string, Flag]): readonly string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

/** Of all shells: between single quotes nothing has a meaning. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Completion for bash, 3.2 (macOS) and later. */
function bashCompletion(commands: Commands): string {
  const nodes = nodesOf(commands);
  const paths = nodes.flatMap(({ words }) => (words.length === 0 ? [] : [quoted(words.join(' '))]));
  const values = nodes.flatMap((node) => bashValues(node)).join('\n');
  const rest = nodes.map((node) => `    ${pathOf(node)}) flags=${bashFlags(node)}; ${bashOperands(node, commands)} ;;`);
  return `# Completion of quintet for bash. Written by: quintet completion bash
_quintet_lines() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done
}
_quintet_words() { _quintet_lines < <(compgen -W "$1" -- "$2"); }
_quintet_files() {
  compopt -o filenames 2>/dev/null
  _quintet_lines < <(compgen "$1" -- "$2")
}
_quintet() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= flags= operands= words= i
  COMPREPLY=()
  # bash takes the = of --flag=value for a word of its own.
  if [[ $current == = ]]; then current=; elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${command:+$command }\${COMP_WORDS[i]}" in
      ${paths.join(' | ')}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;
      *) break ;;
    esac
  done
  case "$command $before" in
${values}
  esac
  case "$command" in
${rest.join('\n')}
  esac
  if [[ $current == -* ]]; then
    _quintet_words "$flags" "$current"
  elif [[ $operands == file ]]; then
    _quintet_files -f "$current"
  else
    _quintet_words "$words" "$current"
  fi
}
complete -F _quintet quintet
`;
}

const pathOf = ({ words }: Node): string => quoted(words.join(' '));

const bashFlags = ({ flags }: Node): string => quoted(Object.entries(flags).flatMap(spellings).join(' '));

/** The lines of flags with a value. */
function bashValues({ words, flags }: Node): string[] {
  return Object.entries(flags).flatMap((flag) => {
    const [, { type, takes }] = flag;
    if (type === 'boolean') return [];
    const pattern = spellings(flag)
      .map((each) => quoted(`${words.join(' ')} ${each}`))
      .join(' | ');
    const action =
      takes === undefined
        ? ''
        : takes === 'file'
          ? '_quintet_files -f "$current"; '
          : takes === 'folder'
            ? '_quintet_files -d "$current"; '
            : `_quintet_words ${quoted(takes.join(' '))} "$current"; `;
    return [`    ${pattern}) ${action}return ;;`];
  });
}

function bashOperands({ commands, operands }: Node, all: Commands): string {
  if (operands === 'file') return 'operands=file';
  const words = operands === 'commands' ? Object.keys(all) : operands === 'none' ? Object.keys(commands) : operands;
  return `words=${quoted(words.join(' '))}`;
}

/** Completion for fish, a line for each word. */
function fishCompletion(commands: Commands): string {
  const lines = nodesOf(commands).flatMap((node) => fishLines(node, commands));
  return `# Completion of quintet for fish. Written by: quintet completion fish
complete -c quintet -e
complete -c quintet -f
${lines.map((line) => `complete -c quintet ${line}\n`).join('')}`;
}

function fishLines(node: Node, all: Commands): string[] {
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

/** Completion for zsh, by its `_arguments`. */
function zshCompletion(commands: Commands): string {
  const functions = nodesOf(commands).map((node) => zshFunction(node, commands));
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

const zshName = (words: readonly string[]): string => ['_quintet', ...words].join('_');

function zshFunction(node: Node, all: Commands): string {
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
    return `${zshName(words)}() {\n  _arguments -s ${[...flags, ...zshOperands(node, all)].join(' \\\n    ')}\n}`;
  }
  const list = Object.entries(commands).map(([name, { summary }]) => quoted(`${name}:${summary}`));
  const branches = names.map((name) => `        ${name}) ${zshName([...words, name])} ;;`);
  return `${zshName(words)}() {
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

function zshOperands({ operands }: Node, all: Commands): string[] {
  if (operands === 'none') return [];
  if (operands === 'file') return ["'*:file:_files'"];
  return [quoted(`*:word:(${(operands === 'commands' ? Object.keys(all) : operands).join(' ')})`)];
}

/** The script for a shell, by its name. */
export const completions = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
