import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMAGENET_LABELS_PATH, parseLabels, readLabels } from './labels.js';

describe('labels', () => {
  it('ships the 1000 ImageNet classes in their order', async () => {
    const labels = await readLabels(IMAGENET_LABELS_PATH);
    expect(labels).toHaveLength(1000);
    expect(labels[0]).toEqual({ index: 0, wnid: 'n01440764', label: 'tench' });
    expect(labels[999]?.label).toBe('toilet tissue');
    expect(new Set(labels.map(({ wnid }) => wnid)).size).toBe(1000);
  });

  it('reads back any list it could have been written from', () => {
    const word = fc.stringMatching(/^[^\s\uFEFF]{1,12}$/);
    const row = fc.tuple(
      word,
      fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' ')),
    );
    const ending = fc.constantFrom('\n', '\r\n');
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), ending, fc.boolean(), (rows, newline, mark) => {
        const text = (mark ? '\uFEFF' : '') + rows.map((fields) => fields.join('\t')).join(newline) + newline;
        expect(parseLabels(text)).toEqual(rows.map(([wnid, label], index) => ({ index, wnid, label })));
      }),
    );
  });

  it.each([
    ['', 'it is empty'],
    ['a\tcat\n\nb\tdog', 'line 2'],
    ['cat', 'line 1'],
    ['a\tcat\textra', 'line 1'],
    ['a\t', 'line 1 has no label'],
    ['a b\tcat', 'line 1 has no id'],
  ])('refuses %j and says where', (text, message) => {
    expect(() => parseLabels(text)).toThrow(expect.objectContaining({ code: 'labels_invalid' }));
    expect(() => parseLabels(text)).toThrow(message);
  });
});
