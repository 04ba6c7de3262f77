/** The table of all flags of the command in docs/client.md. */

/**
 * Its rows: spellings, commands, what it does. One row for all commands that mean the same by it.
 * @param {readonly { words: readonly string[], flags: Record<string, { short?: string, value?: string, help: string }> }[]} nodes
 * @returns {string[][]}
 */
export function flagRows(nodes) {
  /** @type {Map<string, { flag: string, commands: string[], help: string }>} */
  const rows = new Map();
  for (const { words, flags } of nodes) {
    for (const [name, { short, value, help }] of Object.entries(flags)) {
      const flag = [...(short === undefined ? [] : [`-${short}`]), `--${name}`].join(', ');
      const spelled = `\`${flag}${value === undefined ? '' : ` ${value}`}\``;
      const row = rows.get(spelled + help) ?? { flag: spelled, commands: [], help };
      row.commands.push(words.length === 0 ? 'quintet' : words.join(' '));
      rows.set(spelled + help, row);
    }
  }
  return [...rows.values()].map(({ flag, commands, help }) => [
    flag,
    commands.length > 8 ? 'all' : commands.join(', '),
    help,
  ]);
}
