/** Clients that generators make of the running service's OpenAPI document, pinned, against that service and the bundled model. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { optionNames } from '../../services/api/src/jobs/options.js';
import { makeZip } from '../fixtures/archives/index.js';
import { send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { picture, picturePath } from '../support/pictures.js';
import { pythonPackages, runPython } from '../support/python-packages.js';
import { startStack, type Stack } from '../support/stack.js';
import { suiteOrSkip } from '../support/suite-or-skip.js';
import { testDataDir, testModel } from '../support/test-model.js';
import {
  compile,
  examplesOf,
  parametersOf,
  withOpenApiGenerator,
  withOpenApiPythonClient,
  withOpenApiTypescript,
} from './support/generate.js';

const run = promisify(execFile);
const label = 'wall clock';

const found = await pythonPackages({
  requirements: new URL('requirements.txt', import.meta.url),
  name: 'Python generators',
  command: 'npm test -- generated',
  // What openapi-python-client makes uses enum.StrEnum.
  minor: 11,
});

interface Answers {
  readonly jobs: Readonly<Record<'form' | 'base64' | 'address' | 'raw', readonly [number, object]>>;
  readonly accepted: readonly [number, object];
  readonly waited: object;
  readonly batches: Readonly<Record<'form' | 'json' | 'raw', readonly [number, object, readonly object[]]>>;
  readonly events: string;
  readonly explanation: string;
  readonly listed: readonly string[];
  readonly models: readonly string[];
  readonly problems: Readonly<Record<'conflict' | 'text' | 'unknown' | 'finished', readonly [number, object]>>;
}

/** What each program has to print, whichever client it uses. */
function expectAnswers(answers: Answers): void {
  const first = { label: expect.stringContaining(label) as string };
  for (const [way, [status, job]] of Object.entries(answers.jobs)) {
    expect([way, status]).toEqual([way, 200]);
    expect(job).toMatchObject({ status: 'succeeded', predictions: [first, { score: expect.any(Number) as number }] });
  }
  expect(answers.jobs.form[1]).toMatchObject({ metadata: { order: '17' }, explanation: first });
  expect(answers.accepted).toMatchObject([202, { status: expect.stringMatching(/^(queued|processing)$/) as string }]);
  expect(answers.waited).toMatchObject({ status: 'succeeded', predictions: { length: 5 } });
  for (const [way, [status, batch, jobs]] of Object.entries(answers.batches)) {
    expect([way, status]).toEqual([way, 200]);
    expect(batch).toMatchObject({ status: 'completed', total: 2, counts: { succeeded: 2 } });
    for (const job of jobs) expect(job).toMatchObject({ status: 'succeeded', predictions: [first] });
    expect(jobs).toHaveLength(2);
  }
  expect(answers.events).toMatch(/^event: status$/m);
  expect(answers.events).toContain('"succeeded"');
  expect(answers.explanation).toBe('89504e470d0a1a0a');
  expect(answers.listed).toHaveLength(2);
  expect(answers.models).toContain(testModel);
  expect(answers.problems).toMatchObject({
    conflict: [400, { code: 'option_conflict', errors: [{ pointer: '#/top_k' }] }],
    text: [415, { code: 'image_format_unsupported', retryable: false }],
    unknown: [404, { code: 'job_not_found', type: 'urn:quintet:error:job_not_found' }],
    finished: [409, { code: 'job_finished' }],
  });
}

describe('generated clients', () => {
  let stack: Stack;
  let pictures: PictureServer;
  let folder: string;
  let args: readonly string[];
  beforeAll(async () => {
    [stack, pictures] = await Promise.all([startStack(), startPictureServer()]);
    // Below the repository, where its packages are found.
    await mkdir(testDataDir, { recursive: true });
    folder = await mkdtemp(join(testDataDir, 'generated-'));
    const archive = join(folder, 'pictures.zip');
    await writeFile(archive, makeZip(['one.jpg', 'two.jpg'].map((name) => ({ name, content: picture(label) }))));
    args = [stack.url, picturePath(label), pictures.at(send(picture(label))), archive];
  });
  afterAll(async () => {
    await Promise.all([stack.stop(), pictures.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const examples = (language: string): Promise<string[]> => examplesOf(language, stack.url, picturePath(label));
  const program = (name: string): URL => new URL(`programs/${name}`, import.meta.url);

  it('openapi-typescript: its types hold what openapi-fetch sends and is answered', async () => {
    const [generator = ''] = await examples('mjs');
    await withOpenApiTypescript(generator, folder);
    const [file, said] = await compile(folder, 'program', await readFile(program('openapi-fetch.ts'), 'utf8'));
    expect(said).toEqual([]);
    const { stdout } = await run(process.execPath, [file, ...args], { timeout: 180_000 });
    expectAnswers(JSON.parse(stdout) as Answers);

    const [example = ''] = await examples('ts');
    const [shown, complaints] = await compile(folder, 'example', example);
    expect(complaints).toEqual([]);
    expect((await run(process.execPath, [shown], { timeout: 180_000 })).stdout).toContain(label);
  });

  suiteOrSkip('missing' in found ? found.missing : undefined, 'those of Python and Java', () => {
    const python = 'python' in found ? found.python : '';
    /** What the program of docs/clients.md prints. */
    const shown = async (which: number, modules: string, change = (text: string) => text): Promise<string> => {
      const text = change((await examples('py'))[which] ?? '');
      return (await run(python, ['-s', '-B', '-c', text], { env: { PYTHONPATH: modules, NO_PROXY: '*' } })).stdout;
    };

    it('openapi-python-client takes all of the document, and its client does everything', async () => {
      expect(await withOpenApiPythonClient(python, stack.url, folder)).toEqual([]);
      expectAnswers((await runPython(python, program('openapi_python_client.py'), args, folder)) as Answers);
      expect(await shown(0, folder)).toContain(label);
    });

    it('openapi-generator has each parameter once, and its clients, one for each kind of body, do everything', async () => {
      const kinds = ['form', 'json', 'raw'];
      await withOpenApiGenerator(python, stack.url, folder, kinds);
      const bodies = { form: 'image', json: 'job_request', raw: 'body' };
      for (const [kind, body] of Object.entries(bodies)) {
        const headers = ['prefer', 'idempotency_key', 'cache_control'];
        expect((await parametersOf(folder, kind)).sort()).toEqual([body, ...headers, ...optionNames].sort());
      }
      const modules = kinds.map((kind) => join(folder, kind)).join(delimiter);
      expectAnswers((await runPython(python, program('openapi_generator.py'), args, modules)) as Answers);
      // The page calls its package otherwise.
      expect(await shown(1, modules, (text) => text.replaceAll(/\bquintet\b(?=[.\n])/g, 'quintet_form'))).toContain(
        label,
      );
    });
  });
});
