/** Runs the generators of clients against a running service. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import openapiTypescript, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const run = promisify(execFile);
const inTests = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Types in which a picture is a Blob, as openapi-typescript's manual has it: by itself it makes a string of it. */
export async function typesOf(url: string): Promise<string> {
  const blob = ts.factory.createTypeReferenceNode('Blob');
  const nodes = await openapiTypescript(new URL(`${url}/openapi.json`), {
    silent: true,
    transform: ({ format }) => (format === 'binary' ? blob : undefined),
  });
  return astToString(nodes);
}

/**
 * Compiles a program beside the types in `folder`, strictly.
 * @returns the path of its JavaScript, and what the compiler says.
 */
export async function compile(folder: string, types: string, program: string): Promise<[file: string, said: string[]]> {
  await writeFile(join(folder, 'openapi.ts'), types);
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  const source = join(folder, basename(program));
  await copyFile(inTests(program), source);
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
  return [source.replace(/\.ts$/, '.js'), said];
}

/** Makes the package `quintet_client` in `folder` with openapi-python-client; gives what it complained of. */
export async function withOpenApiPythonClient(python: string, url: string, folder: string): Promise<string[]> {
  const output = join(folder, 'quintet_client');
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
