import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, formatOf, nearest, parse, UsageError } from './arguments.js';
import { formatFlags, pictureFlags, serviceFlags } from './flags.js';

const flags = {
  ...pictureFlags,
  ...formatFlags,
  ...serviceFlags,
  state: { type: 'string', short: 's', takes: ['succeeded', 'failed'], help: '' },
} as const;

describe('a command line', () => {
  it('is flags in any of their spellings, and the rest', () => {
    const args = ['a.jpg', '-m', 'resnet50', '-rj', '--top=3', '-kqk_1', '--state', 'failed', '--', '--top', '-'];
    const { values, positionals } = parse(args, flags);
    expect({ ...values }).toEqual({
      ...{ model: 'resnet50', recursive: true, json: true, top: '3', key: 'qk_1', state: 'failed' },
    });
    expect(positionals).toEqual(['a.jpg', '--top', '-']);
  });

  it.each([
    ['--tpo 3', 'there is no option --tpo; did you mean --top?'],
    ['--recursiv', 'there is no option --recursiv; did you mean --recursive?'],
    ['-x', 'there is no option -x'],
    ['-rx', 'there is no option -x'],
    ['--constructor', 'there is no option --constructor'],
    ['--top', "Option '-n, --top <value>' argument missing"],
    ['--json=yes', "Option '-j, --json' does not take an argument"],
    ['--state faild', '--state takes succeeded or failed, not "faild"; did you mean failed?'],
  ])('%s is wrong', (line, message) => {
    expect(() => parse(line.split(' '), flags)).toThrow(new UsageError(message));
  });

  it('asks for a table on a terminal, for TSV elsewhere, and for one format', () => {
    expect(formatOf({}, { columns: 80 })).toBe('table');
    expect(formatOf({}, { columns: undefined })).toBe('tsv');
    expect(formatOf({ table: true }, { columns: undefined })).toBe('table');
    expect(formatOf({ tsv: true }, { columns: 80 })).toBe('tsv');
    expect(formatOf({}, { columns: undefined, path: 'a/labels.CSV' })).toBe('csv');
    expect(formatOf({ json: true }, { columns: undefined, path: 'labels.csv' })).toBe('json');
    expect(formatOf({}, { columns: undefined, path: 'labels.table' })).toBe('tsv');
    expect(() => formatOf({}, { columns: undefined, path: 'models.csv' }, ['table', 'tsv'])).toThrow('there is no csv');
    expect(() => formatOf({ json: true, csv: true }, { columns: 80 })).toThrow('--json and --csv exclude each other');
  });
});

describe('what somebody may have meant', () => {
  const commands = ['classify', 'batch', 'jobs', 'wait', 'status', 'models', 'webhook', 'completion', 'help'];
  it.each([
    ['clasify', 'classify'],
    ['calssify', 'classify'],
    ['Classify', 'classify'],
    ['model', 'models'],
    ['job', 'jobs'],
    ['comp', 'completion'],
    ['wiat', 'wait'],
    ['w', undefined],
    ['', undefined],
    ['frobnicate', undefined],
  ])('%s is near %s', (word, near) => {
    expect(nearest(word, commands)).toBe(near);
  });

  it('is a flag with its dashes', () => {
    const flags = ['--top', '--table', '--tsv', '--recursive', '--retry-for', '--no-cache'];
    expect(
      ['--tpo', '--recursiv', '--nocache', '--rec', '-', '--', '--colour'].map((each) => nearest(each, flags)),
    ).toEqual(['--top', '--recursive', '--no-cache', '--recursive', undefined, undefined, undefined]);
  });

  it('is by a distance: of a word to itself none, the same both ways, one for each step', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, `${a}${b}`)).toBe(b.length);
      }),
    );
    expect(editDistance('abcd', 'acbd')).toBe(1);
  });
});
