/** Completion for bash, 3.2 (macOS) and later. */
import { nodesOf, quoted, spellings, type Commands, type Node } from './tree.js';

export function bashCompletion(commands: Commands): string {
  const nodes = nodesOf(commands);
  const paths = nodes.flatMap(({ words }) => (words.length === 0 ? [] : [quoted(words.join(' '))]));
  const values = nodes.flatMap((node) => valuesOf(node)).join('\n');
  const rest = nodes.map((node) => `    ${pathOf(node)}) flags=${flagsOf(node)}; ${operandsOf(node, commands)} ;;`);
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

const flagsOf = ({ flags }: Node): string => quoted(Object.entries(flags).flatMap(spellings).join(' '));

/** The lines of flags with a value. */
function valuesOf({ words, flags }: Node): string[] {
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

function operandsOf({ commands, operands }: Node, all: Commands): string {
  if (operands === 'file') return 'operands=file';
  const words = operands === 'commands' ? Object.keys(all) : operands === 'none' ? Object.keys(commands) : operands;
  return `words=${quoted(words.join(' '))}`;
}
