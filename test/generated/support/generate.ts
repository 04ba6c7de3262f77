/** Runs the generators of clients against a running service. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';

const run = promisify(execFile);
const inTests = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The programs of docs/clients.md in a language (`ts`), as they are there, but for the service's address and the picture's path. */
export async function examplesOf(language: string, url: string, picture: string): Promise<string[]> {
  const page = await readFile(new URL('../../../docs/clients.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, of]) => of === language)
    .map(([, , text = '']) =>
      text.replaceAll('http://localhost:3000', url).replaceAll('examples/pictures/wall-clock.jpg', picture),
    );
}

/** Makes openapi.ts in `folder` with openapi-typescript, by the program of docs/clients.md. */
export async function withOpenApiTypescript(program: string, folder: string): Promise<void> {
  await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, timeout: 180_000 });
}

/** Compiles a program of `folder`, strictly. Gives the path of its JavaScript, and what the compiler says. */
export async function compile(folder: string, name: string, text: string): Promise<[file: string, said: string[]]> {
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  const source = join(folder, `${name}.ts`);
  await writeFile(source, text);
  const compiled = ts.createProgram([source], {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    skipLibCheck: true,
  });
  const { diagnostics } = compiled.emit();
  const said = [...ts.getPreEmitDiagnostics(compiled), ...diagnostics].map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
  return [join(folder, `${name}.js`), said];
}

/** Makes the package `quintetclient` in `folder` with openapi-python-client; gives what it complained of. */
export async function withOpenApiPythonClient(python: string, url: string, folder: string): Promise<string[]> {
  const output = join(folder, 'quintetclient');
  const config = inTests('openapi-python-client.yaml');
  const options = ['--url', `${url}/openapi.json`, '--meta', 'none', '--output-path', output, '--config', config];
  const { stdout, stderr } = await run(python, ['-I', '-m', 'openapi_python_client', 'generate', ...options], {
    timeout: 180_000,
    maxBuffer: 16 * 1024 * 1024,
  });
  return [...(stdout + stderr).matchAll(/^(?:WARNING|ERROR|Warning|Error).*$/gm)].map(([line]) => line);
}

/** Makes a package `quintet_<kind>` in `folder` for each kind of body with openapi-generator, in one run of Java. */
export async function withOpenApiGenerator(
  python: string,
  url: string,
  folder: string,
  kinds: readonly string[],
): Promise<void> {
  const configs = join(folder, 'configs');
  await mkdir(configs, { recursive: true });
  const files = await Promise.all(
    kinds.map(async (kind) => {
      const file = join(configs, `${kind}.json`);
      const config = {
        generatorName: 'python',
        inputSpec: `${url}/openapi.json?body=${kind}`,
        outputDir: join(folder, kind),
        additionalProperties: { packageName: `quintet_${kind}` },
      };
      await writeFile(file, JSON.stringify(config));
      return file;
    }),
  );
  await run(python, ['-I', '-c', 'from openapi_generator_cli import cli; cli()', 'batch', '--fail-fast', ...files], {
    timeout: 240_000,
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** The parameters of `submit_job` that a caller sets, as openapi-generator named them. */
export async function parametersOf(folder: string, kind: string): Promise<string[]> {
  const source = await readFile(join(folder, kind, `quintet_${kind}`, 'api', 'jobs_api.py'), 'utf8');
  const [, signature = ''] = /^ {4}def submit_job\(\n([^]*?)^ {4}\) -> Job:/m.exec(source) ?? [];
  return [...signature.matchAll(/^ {8}([a-z]\w*): /gm)].map(([, name = '']) => name);
}
