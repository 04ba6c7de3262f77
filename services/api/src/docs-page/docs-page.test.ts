import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errorRegistry } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { routes } from '../http/routes.js';
import { openApiDocument } from '../openapi/document.js';
import { answers, requests } from '../openapi/schemas.js';
import { docsPage } from './docs-page.js';
import type { ApiDocument, Schema } from './document-types.js';
import { escapeHtml, markup } from './html.js';
import { codesOf, withKey } from './operation-view.js';

const source = openApiDocument('1.2.3', routes.rows);
const document = source as unknown as ApiDocument;
const page = docsPage(source, { keyed: false });
/** As a reader sees it. */
const text = textOf(page.html);

function textOf(markup: string): string {
  return markup
    .replaceAll(/<(style|script)>[^]*?<\/\1>/g, '')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll(
      /&(lt|gt|amp|quot|#39);/g,
      (entity) => ({ '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"' })[entity] ?? "'",
    )
    .replaceAll(/\s+/g, ' ');
}

const plain = (words: string): string => words.replaceAll('`', '').replaceAll(/\s+/g, ' ');

/** Every member of a schema, however deep, by its path. */
function membersOf(schema: Schema, path: string): [path: string, name: string, member: Schema][] {
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, member]): [string, string, Schema][] => [
      [`${path}.${name}`, name, member],
      ...membersOf(member, `${path}.${name}`),
    ]),
    ...(schema.items === undefined ? [] : membersOf(schema.items, path)),
  ];
}

const members = Object.entries(document.components.schemas).flatMap(([name, schema]) => membersOf(schema, name));

describe('the page of the API', () => {
  it('has every operation: its section, parameters, body, answers and example', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const [, after = ''] = page.html.split(`id="operation-${operation.operationId}"`);
        const section = textOf(`<${after.split('<section')[0] ?? ''}`);
        const said = [`${method.toUpperCase()} ${path}`, operation.description, operation.requestBody?.description];
        said.push(...(operation.parameters ?? []).flatMap(({ name, description }) => [name, description]));
        for (const [status, answer] of Object.entries(operation.responses)) {
          if (codesOf(answer).length > 0) continue;
          const { description, content = {}, headers = {} } = answer;
          said.push(`${status} ${description}`, ...Object.keys(content), ...Object.keys(headers));
        }
        for (const each of said) if (each !== undefined) expect(section).toContain(plain(each));
        const samples = operation['x-codeSamples'] ?? [];
        expect(samples.map(({ label }) => label)).toEqual(['curl', 'JavaScript', 'Python']);
        for (const { source } of samples) expect(section).toContain(source.replaceAll(/\s+/g, ' '));
      }
    }
  });

  it('has the failures of every operation, and every code there is', () => {
    for (const { operation } of routes.rows) {
      const { id, codes = [] } = operation ?? { id: '' };
      const [, after = ''] = page.html.split(`id="operation-${id}"`);
      for (const code of codes) expect(after.split('<section')[0]).toContain(`href="#error-${code}"`);
    }
    for (const code of Object.keys(errorRegistry)) expect(page.html).toContain(`id="error-${code}"`);
  });

  it('has every schema with its members, what they mean, and an example', () => {
    for (const [name, { examples = [] }] of Object.entries(document.components.schemas)) {
      expect(page.html).toContain(`id="schema-${name}"`);
      expect(page.html).toContain(escapeHtml(JSON.stringify(examples[0], null, 2)));
    }
    for (const [, name, { description = '' }] of members) {
      expect(text).toContain(name);
      expect(text).toContain(plain(description));
    }
    for (const event of Object.keys(document.webhooks)) expect(page.html).toContain(`id="event-${event}"`);
  });

  it('asks for nothing from elsewhere, and allows only its own style and script', () => {
    const inline = (tag: string): string => new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page.html)?.[1] ?? '';
    const hash = (body: string): string => `'sha256-${createHash('sha256').update(body).digest('base64')}'`;
    expect(page.contentSecurityPolicy).toBe(
      `default-src 'none'; style-src ${hash(inline('style'))}; script-src ${hash(inline('script'))}; ` +
        "connect-src 'self'; img-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(inline('style')).not.toMatch(/url\(|@import/);
    expect(page.html).not.toMatch(/ (src|style|on\w+)=/);
    const links = [...page.html.matchAll(/ href="([^"]*)"/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !link.startsWith('#'))).toEqual([
      './#/',
      './#/',
      './#/operations',
      'docs',
      'openapi.json',
    ]);
    const ids = [...page.html.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(links.filter((link) => link.startsWith('#') && !ids.includes(link.slice(1)))).toEqual([]);
  });

  it('looks like the rest of the page: its colours, sizes and header are the same', () => {
    const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
    const web = ['tokens', 'header'].map((name) => read(`packages/web/shell/${name}.css`)).join('\n');
    // Of several for one selector, the first: the shared sheets come before the page's own.
    const rulesOf = (sheet: string): Map<string, string> =>
      new Map(
        [...sheet.matchAll(/^([^\s@/}][^{}]*) \{\n([^{}]*)\}/gm)]
          .reverse()
          .map(([, selector = '', body = '']) => [selector, body]),
      );
    const theirs = rulesOf(web);
    const own = rulesOf(/<style>([^]*?)<\/style>/.exec(page.html)?.[1] ?? '');
    const shared = [':root', '.shell', '.brand', '.tabs', '.tabs a', '.tabs a[aria-current]', '.icon', '.icon-button'];
    for (const selector of shared) expect([selector, own.get(selector)]).toEqual([selector, theirs.get(selector)]);
    // The strokes of its icons.
    const icons = read('packages/web/src/app/icons.ts');
    for (const [, stroke = ''] of page.html.matchAll(/<path d="([^"]+)"/g)) expect(icons).toContain(stroke);
  });

  it('puts a key into the examples where the service asks for one, and the route does', () => {
    const keyed = docsPage(source, { keyed: true });
    expect(textOf(keyed.html)).toContain(
      `curl -H "Authorization: Bearer $QUINTET_API_KEY" -H 'Prefer: wait=10' -F image=@photo.jpg`,
    );
    expect(textOf(keyed.html)).toContain('curl http://localhost:3000/health/ready');
    const keyedText = textOf(keyed.html);
    expect(keyedText).toContain('headers: { Authorization: `Bearer ${process.env.QUINTET_API_KEY}`');
    expect(keyedText).toContain(`"Authorization": f"Bearer {os.environ['QUINTET_API_KEY']}"`);
    expect(text).not.toContain('Bearer $');
    expect(text).not.toContain('QUINTET_API_KEY');
    expect(withKey('A=$(curl -s /a)\ncurl /b').match(/Bearer/g)).toHaveLength(2);
  });
});

describe('HTML', () => {
  it('is made of text that cannot become markup', () => {
    const name = `<b title="'x'">&`;
    expect(markup`<i>${name}${undefined}${[markup`<u>${1}</u>`]}</i>`.text).toBe(
      '<i>&lt;b title=&quot;&#39;x&#39;&quot;&gt;&amp;<u>1</u></i>',
    );
  });
});

describe('what the document says of its schemas', () => {
  it('describes every member', () => {
    expect(members.filter(([, , { description }]) => description === undefined).map(([path]) => path)).toEqual([]);
  });

  it('has an example of each, which the schema accepts', () => {
    for (const [name, schema] of Object.entries({ ...answers, ...requests })) {
      const [example] = document.components.schemas[name]?.examples ?? [];
      expect([name, schema.safeParse(example).error?.issues ?? []]).toEqual([name, []]);
    }
  });
});
