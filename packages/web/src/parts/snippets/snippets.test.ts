/** Snippets ask for what was asked for, and no name or address of a picture becomes anything else in them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { javaScriptString, jsonText, pythonString, shellWord } from './quote.js';
import {
  curlSnippet,
  javaScriptSnippet,
  pythonSnippet,
  quintetSnippet,
  snippetLanguages,
  type SnippetRequest,
} from './snippets.js';

const hasPython = spawnSync('python3', ['--version']).status === 0;
const shells = ['sh', 'bash', 'zsh'].filter((shell) => spawnSync(shell, ['-c', ':']).status === 0);

/** Every character that means something to one of the languages, between others of all kinds. */
const nasty = fc.constantFrom(
  ...["'", '"', '\\', '`', '$(id)', '${HOME}', '!!', '%s', '%', ';', ',', ' ', '-', '@', '<', '*', '~', '#', '&', '|'],
  ...['\n', '\r\n', '\t', '\u001b[201~', '\u0003', '\u007f', '\u2028', '\u202e', '\u200d', '\u{e0041}', '</script>'],
);
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 3 }), fc.string({ maxLength: 4 })), { maxLength: 8 })
  .map((parts) => parts.join('').replaceAll('\0', ''));
const name = text.filter((each) => each !== '').map((each) => each.replaceAll('/', '_'));

function requestFor(picture: SnippetRequest['picture'], changes: Partial<SnippetRequest> = {}): SnippetRequest {
  return { baseUrl: 'http://localhost:3000/', picture, options: {}, needsKey: false, ...changes };
}

/** What each command of `script` was given, where `command` is the one that is listened to. */
function argumentsIn(shell: string, command: string, script: string): string[][] {
  const listening = `${command}() { for each in "$@"; do printf '%s\\0' "$each"; done; printf 'the end\\0'; }`;
  const output = execFileSync(shell, ['-c', `${listening}\n${script}`], { encoding: 'utf8', stdio: 'pipe' });
  const calls = output.split('the end\0').slice(0, -1);
  return calls.map((call) => call.split('\0').slice(0, -1));
}

/** A file's name as curl reads it from -F: src/tool_formparse.c. */
function readByCurl(value: string | undefined): string | undefined {
  const [, quoted, plain] = /^image=@(?:"((?:[^"\\]|\\[^])*)"|([^";,]*))$/.exec(value ?? '') ?? [];
  return quoted?.replaceAll(/\\([^])/g, '$1') ?? plain;
}

const withoutDot = (path: string | undefined): string | undefined => path?.replace(/^\.\//, '');

describe.each(shells)('in %s', (shell) => {
  it('a word is the text that it was made of', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), (words) => {
        const [seen] = argumentsIn(shell, 'listen', `listen ${words.map(shellWord).join(' ')}`);
        expect(seen).toEqual(words);
      }),
      { numRuns: 8 },
    );
  });

  it('curl gets the file of that name, whatever it is, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 20 }), (names) => {
        const script = names.map((each) => curlSnippet(requestFor({ name: each }))).join('');
        const files = argumentsIn(shell, 'curl', script).map((args) => {
          expect(args).toHaveLength(7);
          return withoutDot(readByCurl(args.at(-1)));
        });
        expect(files).toEqual(names.map(withoutDot));
      }),
      { numRuns: 8 },
    );
  });

  it('curl and quintet get the address, wherever the service is', () => {
    fc.assert(
      fc.property(text, text, (url, path) => {
        const baseUrl = `http://localhost:3000/${path}`.replace(/\/+$/, '');
        const request = requestFor({ url }, { baseUrl });
        const [curl] = argumentsIn(shell, 'curl', curlSnippet(request));
        expect(curl?.[2]).toBe(`${baseUrl}/v1/jobs`);
        expect(JSON.parse(curl?.at(-1) ?? '')).toEqual({ image_url: url });
        expect(argumentsIn(shell, 'quintet', quintetSnippet(request))).toEqual([
          ['classify', url, '--url', baseUrl, '--top', '5'],
        ]);
      }),
      { numRuns: 10 },
    );
  });
});

describe('a name', () => {
  it('that begins like an option, standard input or an address is still a file', () => {
    for (const each of ['-', '--help', 'http:', 'data:x']) {
      expect(quintetSnippet(requestFor({ name: each }))).toContain(`classify ./${each} `);
      expect(curlSnippet(requestFor({ name: each }))).toContain(`image=@`);
      expect(curlSnippet(requestFor({ name: each }))).toContain(`./${each}`);
    }
  });

  it('that is a plain one stays readable', () => {
    expect(curlSnippet(requestFor({ name: 'photo.jpg' }))).toContain('-F image=@photo.jpg\n');
    expect(curlSnippet(requestFor({ name: 'Kölner Dom.jpg' }))).toContain(`-F 'image=@"Kölner Dom.jpg"'\n`);
    expect(javaScriptString('Kölner Dom.jpg')).toBe("'Kölner Dom.jpg'");
    expect(pythonString('Kölner Dom.jpg')).toBe('"Kölner Dom.jpg"');
  });

  it('that is no Unicode has something readable in its place', () => {
    expect(shellWord('a\ud800')).toBe("'a\ufffd'");
    expect(javaScriptString('a\ud800')).toBe("'a\ufffd'");
    expect(pythonString('\udc00')).toBe('"\ufffd"');
  });

  it('leaves nothing in a snippet that a terminal obeys or that hides text', () => {
    fc.assert(
      fc.property(name, (each) => {
        for (const { write } of snippetLanguages) {
          expect(write(requestFor({ name: each })).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });
});

describe('JavaScript', () => {
  it('reads a string back as it was', () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(runInNewContext(javaScriptString(each))).toBe(each);
        expect(JSON.parse(jsonText({ a: [each] }, 2))).toEqual({ a: [each] });
      }),
    );
  });

  it('is a module that reads the file of that name, and posts it to where the service is', async () => {
    const job = { status: 'succeeded', predictions: [{ label: 'tabby', score: 0.5 }] };
    await fc.assert(
      fc.asyncProperty(name, text, async (each, path) => {
        const seen: unknown[] = [];
        const code = javaScriptSnippet(
          requestFor({ name: each }, { baseUrl: `http://h/${path}`, options: { top_k: 3 } }),
        );
        const run = code.replace(/^import .*\n/, '');
        const finished: unknown = runInNewContext(`(async () => { ${run} })()`, {
          Blob,
          FormData,
          fetch: (url: string, { body }: { body: FormData }) => {
            seen.push(url, body.get('top_k'));
            return { ok: true, json: () => job };
          },
          readFile: (file: string) => seen.push(file) && Buffer.from('picture'),
          console: { log: (line: string) => seen.push(line) },
        });
        await finished;
        expect(seen).toEqual([each, `${`http://h/${path}`.replace(/\/+$/, '')}/v1/jobs`, '3', '50.0 %  tabby']);
      }),
    );
  });
});

describe('Python', () => {
  it.skipIf(!hasPython)('compiles, and has the name and the address as they are', () => {
    const cases = fc.sample(fc.tuple(name, text), 60).map(([file, url]) => ({
      texts: [file, url],
      code: [file, url].flatMap((each) => {
        const options = { model: each, top_k: 2, min_score: 0.5, explain: true };
        const more = { options, needsKey: true };
        return [pythonSnippet(requestFor({ name: each }, more)), pythonSnippet(requestFor({ url: each }, more))];
      }),
    }));
    const check = `
import ast, json, sys
for case in json.load(sys.stdin):
    found = [n.value for code in case["code"] for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Constant)]
    for code in case["code"]: compile(code, "snippet", "exec")
    for text in case["texts"]: assert text in found, text
`;
    execFileSync('python3', ['-c', check], { input: JSON.stringify(cases), stdio: ['pipe', 'pipe', 'pipe'] });
  });
});

describe('every language', () => {
  const options = { model: 'mobilenetv2', top_k: 3, min_score: 0.1, explain: true };

  it.each(snippetLanguages)('$title says each option, of a file and of an address', ({ write }) => {
    for (const picture of [{ name: 'photo.jpg' }, { url: 'https://example.com/a.jpg' }]) {
      const code = write(requestFor(picture, { options }));
      for (const part of ['mobilenetv2', '3', '0.1', 'explain', 'http://localhost:3000']) expect(code).toContain(part);
      expect(code).toContain('name' in picture ? picture.name : picture.url);
    }
  });

  it.each(snippetLanguages)('$title asks for a key only where the service does, and never has it', ({ id, write }) => {
    const picture = { name: 'photo.jpg' };
    expect(write(requestFor(picture))).not.toMatch(/KEY|Authorization/);
    // `quintet` looks there by itself.
    if (id !== 'quintet') expect(write(requestFor(picture, { needsKey: true }))).toContain('QUINTET_API_KEY');
  });

  it.each(snippetLanguages)('$title leaves out what was not asked for', ({ write }) => {
    const code = write(requestFor({ name: 'photo.jpg' }, { options: { model: undefined, top_k: 5 } }));
    expect(code).not.toMatch(/model|min|explain|undefined/);
  });
});
