/** What the pages speak of exists: links, headings, files, commands, settings, metrics, and the texts that a reader searches for. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorRegistry } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { files, read, root } from '../support/repository.js';

const pages = files.filter((file) => /^(docs\/)?[\w-]+\.md$/.test(file));
const code = files.filter(
  (file) =>
    /\.(ts|mjs|js|yml|sh|json)$|Dockerfile$/.test(file) && !/\.test\.ts$|^(docs|test)\/|package-lock/.test(file),
);
/** As one text without line breaks, in which a message that is put together of literals is whole. */
const source = code
  .map(read)
  .join('\n')
  .replaceAll(/['`"] \+\s+['`"]/g, '')
  .replaceAll(/\s+/g, ' ');

/** Outside of fences. */
const proseOf = (page: string): string => read(page).replaceAll(/^```[^]*?^```$/gm, '');

const codeOf = (page: string): string[] => [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  return new Set(
    [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
      const slug = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${String(count)}`;
    }),
  );
}

describe.each(pages)('%s', (page) => {
  it('has links that lead somewhere', () => {
    const broken = [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^(https?:|mailto:)/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchorsOf(target).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('has images with words for those who do not see them', () => {
    const images = [...proseOf(page).matchAll(/!\[([^\]]*)\]\(/g)].map(([, alternative = '']) => alternative);
    expect(images.filter((alternative) => alternative.length < 20)).toEqual([]);
  });

  it('names files that there are', () => {
    const known = (name: string): boolean => files.some((file) => `/${file}`.endsWith(`/${name}`));
    const named = codeOf(page).filter((text) =>
      /^[\w@.-]+(\/[\w@.-]+)+\.(ts|mjs|js|md|yml|sh|json|py|tsv|css)$/.test(text),
    );
    expect(named.filter((name) => !known(name) && !existsSync(join(root, dirname(page), name)))).toEqual([]);
  });

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => scripts[name] === undefined && name !== 'NAME')).toEqual([]);
  });

  it('names settings that somebody reads', () => {
    const named = codeOf(page).flatMap((text) => text.match(/(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w*])/g) ?? []);
    expect([...new Set(named)].filter((name) => !source.includes(name))).toEqual([]);
  });

  it('names metrics that are measured', () => {
    const metrics = [...read('docs/metrics.md').matchAll(/^\| `(quintet_\w+)/gm)].map(([, name = '']) => name);
    const labels = new Map(
      read('docs/metrics.md')
        .split('\n')
        .filter((line) => line.startsWith('| `quintet_'))
        .map((line) => [line.split('`')[1] ?? '', line.split('|')[4] ?? '']),
    );
    const named = [...read(page).matchAll(/\b(quintet_\w+)(\{[^}]*\})?(\*)?/g)];
    const unknown = named.filter(([, name = '', , wildcard]) => {
      const plain = name.replace(/_(bucket|count|sum)$/, '');
      const parts = wildcard === undefined ? [name, plain] : [];
      return (
        !/^quintet_(nodejs|process)_/.test(name) &&
        // Other names that begin so are not measurements.
        !source.includes(`'${name}'`) &&
        wildcard === undefined &&
        !parts.some((part) => metrics.includes(part))
      );
    });
    expect(unknown.map(([text]) => text)).toEqual([]);
    for (const [text, name = '', selector = ''] of named) {
      const asked = [...selector.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label = '']) => label);
      const has = labels.get(name.replace(/_(bucket|count|sum)$/, '')) ?? labels.get(name) ?? '';
      for (const label of asked) expect(has, text).toContain(`\`${label}\``);
    }
  });
});

describe('docs/troubleshooting.md', () => {
  const page = read('docs/troubleshooting.md');
  const spans = [
    ...[...page.matchAll(/^### (.*)$/gm)].flatMap(([, heading = '']) => heading.match(/`[^`]+`/g) ?? []),
    ...[...page.matchAll(/(?:says?|said so:) (`[^`]+`)/g)].map(([, text = '']) => text),
  ].map((text) => text.slice(1, -1));

  it('quotes only what the code says', () => {
    expect(spans.length).toBeGreaterThan(30);
    const missing = spans.filter((text) => {
      if (text in errorRegistry) return false;
      const parts = text.split('…').map((part) => part.trim());
      return !parts.every((part) => source.includes(part) || page.includes(`"${part}"`));
    });
    expect(missing.filter((text) => text !== '"weights": "demo"')).toEqual([]);
  });
});

describe('docs/README.md', () => {
  it('has every page', () => {
    const index = read('docs/README.md');
    const others = pages.filter((file) => file.startsWith('docs/') && file !== 'docs/README.md');
    expect(others.filter((file) => !index.includes(`(${file.slice('docs/'.length)})`))).toEqual([]);
  });
});

describe('docs/api.md', () => {
  it('has every address of the contract but those of other protocols', () => {
    const api = read('docs/api.md');
    const { paths } = JSON.parse(read('docs/openapi.json')) as { paths: Record<string, unknown> };
    expect(Object.keys(paths).filter((path) => !/^\/(v2|models)\b/.test(path) && !api.includes(`${path}\``))).toEqual(
      [],
    );
  });
});
