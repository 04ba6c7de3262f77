import { describe, expect, it } from 'vitest';
import { UsageError } from './arguments.js';
import { commands, find, helpFor, overview } from './commands.js';
import { nodesOf, spellings } from './completion.js';

const nodes = nodesOf(commands).filter(({ words }) => words.length > 0);

describe('the commands', () => {
  it.each(nodes.map((node) => [node.words.join(' '), node] as const))(
    '%s: its help has every flag of it',
    (_, node) => {
      const found = find(node.words);
      expect(found.command.summary).toBe(node.summary);
      const help = helpFor(found);
      for (const flag of Object.entries(found.command.flags)) {
        expect(help).toContain(spellings(flag).join(', '));
        expect(help).toContain(flag[1].help);
      }
      for (const example of found.command.examples ?? []) expect(help).toContain(example);
      for (const name of Object.keys(node.commands)) expect(help).toContain(name);
    },
  );

  it('have flags that are told apart, and one letter for one thing', () => {
    const meanings = new Map<string, string>();
    for (const { words, flags } of nodes) {
      const letters = Object.values(flags).flatMap(({ short }) => short ?? []);
      expect(new Set(letters).size, words.join(' ')).toBe(letters.length);
      for (const [name, { short }] of Object.entries(flags)) {
        if (short === undefined || words[0] === 'webhook') continue;
        expect(meanings.get(short) ?? name, `-${short}`).toBe(name);
        meanings.set(short, name);
      }
    }
    for (const letter of ['k', 'm', 'u', 'n', 'r', 'j', 'h']) expect([...meanings.keys()]).toContain(letter);
  });

  it('are all in the overview', () => {
    for (const [name, { summary }] of Object.entries(commands)) {
      expect(overview()).toContain(`  ${name}`);
      expect(overview()).toContain(summary);
    }
  });

  it.each([
    ['clasify', 'there is no command "clasify"; did you mean quintet classify?'],
    ['webhook lisen', 'there is no command "webhook lisen"; did you mean quintet webhook listen?'],
    ['constructor', 'there is no command "constructor"'],
    ['webhook constructor', 'there is no command "webhook constructor"'],
  ])('%s is none', (line, message) => {
    expect(() => find(line.split(' '))).toThrow(new UsageError(message));
  });
});
