/** The form of prose: sentences that can be read once, and comments that cite only files that there are. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { files, read, root } from '../support/repository.js';

const longestSentence = 35;

/** Paragraphs and items of lists, without headings, tables and fences; code counts as one word, a link by its text. */
function paragraphsOf(page: string): string[] {
  return page
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/^(#|\s*\||<|!\[).*$/gm, '')
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)/)
    .map((text) =>
      text
        .replaceAll(/`[^`]*`/g, 'CODE')
        .replaceAll(/\]\([^)]*\)/g, ']')
        .replaceAll(/^\s*(?:[-*]|\d+\.)\s|\s+/g, ' '),
    );
}

const sentencesOf = (text: string): string[] => text.split(/(?<=[.!?][)"'*_\]]*) +(?=["'*_[(]*[\p{Lu}\d])/u);

const wordsOf = (sentence: string): number => sentence.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** The lines of a source that are nothing but comment, with their numbers. */
function commentLinesOf(file: string): (readonly [number: number, text: string])[] {
  const comment = /\.(ts|mjs|js|css)$/.test(file) ? /^\s*(\/\/|\/?\*)/ : /^\s*#/;
  return read(file)
    .split('\n')
    .map((line, index) => [index + 1, line] as const)
    .filter(([, line]) => comment.test(line));
}

const sources = files.filter(
  (file) => /\.(ts|mjs|js|css|py|sh|yml)$|Dockerfile$/.test(file) && !/\/(openapi|picture-extensions)\.ts$/.test(file),
);

describe.each(files.filter((file) => /^(docs\/[\w-]+|README|CONTRIBUTING|SECURITY)\.md$/.test(file)))('%s', (page) => {
  it(`has no sentence of more than ${longestSentence} words`, () => {
    const sentences = paragraphsOf(read(page)).flatMap(sentencesOf);
    expect(sentences.filter((sentence) => wordsOf(sentence) > longestSentence)).toEqual([]);
  });
});

describe('the comments of the sources', () => {
  it('cite only files that there are', () => {
    const missing = sources.flatMap((file) =>
      commentLinesOf(file).flatMap(([number, line]) =>
        [...line.matchAll(/(?<![\w@./-])(?:[\w@.-]+\/)*[\w.-]+\.(?:ts|mjs|md)\b/g)]
          .map(([name]) => name)
          .filter((name) => !files.some((known) => `/${known}`.endsWith(`/${name}`)))
          .filter((name) => !existsSync(join(root, dirname(file), name)))
          .map((name) => `${file}:${number}: ${name}`),
      ),
    );
    expect(missing).toEqual([]);
  });
});
