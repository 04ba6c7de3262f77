/** Every example of the README, of the pages (client.md and tutorial.md have tests of their own) and of `GET /docs`, run as it stands. */
import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiDocument } from '../../services/api/src/docs-page/document-types.js';
import { routes } from '../../services/api/src/http/routes.js';
import { openApiDocument } from '../../services/api/src/openapi/document.js';
import { picturePath } from '../support/pictures.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { eventually } from '../support/service-process.js';
import { stackWebhookSecret, startStack, type Stack } from '../support/stack.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';
import {
  isInstalled,
  makeCheckout,
  patternOf,
  runExamples,
  sectionsOf,
  type Example,
  type Shell,
} from './console-examples.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
// The first example is of a picture that nobody has seen before.
const pages = new Set([
  'docs/api.md',
  'README.md',
  ...(await readdir(join(root, 'docs')))
    .filter((file) => file.endsWith('.md') && !['client.md', 'tutorial.md'].includes(file))
    .map((file) => `docs/${file}`),
]);
const withExamples = [...pages]
  .map((page) => ({ page, sections: sectionsOf(page) }))
  .filter(({ sections }) => sections.length > 0);

/** The samples of `GET /docs` take ids out of answers with jq. Node reads the same paths where it is not installed. */
const withoutJq = (line: string): string =>
  isInstalled('jq')
    ? line
    : line.replaceAll(/jq -r '?(\.[\w.[\]]+)'?/g, `node -p 'JSON.parse(fs.readFileSync(0, "utf8"))$1'`);

describe.skipIf(!isInstalled('curl'))('what the documentation shows', () => {
  let stack: Stack;
  let folder: string;
  let shell: Shell;
  let receiver: Receiver;

  beforeAll(async () => {
    folder = await makeCheckout();
    // The picture of the readers of `GET /docs`, who need no checkout.
    await copyFile(picturePath('wall clock'), join(folder, 'photo.jpg'));
    [stack, receiver] = await Promise.all([
      startStack({ env: { RESULT_CACHE_TTL_SECONDS: '3600' } }),
      startReceiver(stackWebhookSecret),
    ]);
    // What models.md says that a reader has.
    const model = join(testModelEnvironment['DATA_DIR'] ?? '', 'models', testModel);
    for (const file of ['model.onnx', 'labels.tsv']) await copyFile(join(model, file), join(folder, file));
    shell = {
      folder,
      env: {
        PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
        QUINTET_URL: stack.url,
        MODELS_DIR: join(folder, '.quintet/models'),
      },
      replace: (command) =>
        command
          .replaceAll('http://localhost:3000', stack.url)
          .replaceAll('https://example.com/hooks', receiver.expectAt('hooks'))
          .replaceAll(/\bnpx (?=quintet)/g, '')
          .replaceAll(/\bnpm run/g, `npm --prefix ${root} run`),
    };
  });

  afterAll(async () => {
    await stack.stop();
    receiver.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const expectOutputs = async (examples: readonly Example[]): Promise<void> => {
    const outputs = await runExamples(examples, shell);
    examples.forEach(({ command, output }, index) => {
      expect(outputs[index]?.replaceAll(/\s+/g, ''), command).toMatch(patternOf(output));
    });
  };

  describe.each(withExamples)('$page', ({ sections }) => {
    it.each(sections)('$title', async ({ title, examples }) => {
      // What the text before the example says to start.
      if (title === '4. Serve it')
        await stack.addWorker({ MODEL: 'flowers', MODELS_DIR: join(folder, '.quintet/models') });
      await expectOutputs(examples);
    });
  });

  const operations = Object.entries((openApiDocument('0', routes.rows) as unknown as ApiDocument).paths).flatMap(
    ([, methods]) => Object.values(methods),
  );

  it('GET /docs: every call that it shows is answered with what was asked for', async () => {
    // A delivery is there, and has ended, before one is sent again.
    const last = ['redeliver', 'readDelivery'];
    const order = operations.toSorted((a, b) => last.indexOf(a.operationId) - last.indexOf(b.operationId));
    expect(operations.length).toBeGreaterThan(15);
    for (const { operationId, 'x-codeSamples': samples = [] } of order) {
      if (operationId === 'redeliver') {
        await eventually(async () => {
          const response = await fetch(`${stack.url}/v1/deliveries?limit=1`);
          expect(await response.json()).toMatchObject({ deliveries: [{ state: 'delivered' }] });
        });
      }
      const source = samples.find(({ label }) => label === 'curl')?.source ?? '';
      const call = `set -e; curl() { command curl --silent --show-error --write-out ' %{http_code}' --max-time 30 "$@"; }\n`;
      const lines = source.split('\n').map(withoutJq);
      // Only the last line is the call; those before it ask for an id.
      const command = [...lines.slice(0, -1), call + (lines.at(-1) ?? '')].join('\n');
      const [output = ''] = await runExamples([{ command }], shell);
      // What has ended meanwhile cannot be canceled.
      expect(`${operationId}${output.trim().slice(-4)}`, output).toMatch(
        operationId.startsWith('cancel') ? /(200|409)$/ : /20[0-2]$/,
      );
    }
  });

  it.each([
    { label: 'JavaScript', run: 'node FILE', ending: 'mjs' },
    { label: 'Python', run: 'python3 FILE', ending: 'py' },
  ])('GET /docs: so is every one in $label', async ({ label, run, ending }) => {
    // Skipped as part of a test, since Node is there wherever this runs.
    if (ending === 'py' && !isInstalled('python3')) return;
    const sources = operations.map(({ operationId, 'x-codeSamples': samples = [] }) => ({
      operationId,
      source: shell.replace(samples.find((sample) => sample.label === label)?.source ?? ''),
    }));
    await Promise.all(
      sources.map(({ operationId, source }) => writeFile(join(folder, `${operationId}.${ending}`), `${source}\n`)),
    );
    // One process for all of them: to start forty would take longer than what they do.
    await writeFile(
      join(folder, `all.${ending}`),
      together[ending]?.(operations.map((each) => each.operationId)) ?? '',
    );
    const [output = ''] = await runExamples([{ command: run.replace('FILE', `all.${ending}`) }], shell);
    for (const { operationId } of operations) {
      // What has ended cannot be canceled, and what is on its way is not sent again.
      const wanted = /^cancel|^redeliver$/.test(operationId) ? '(20[0-2]|409)' : '20[0-2]';
      expect(output).toMatch(new RegExp(`^=== ${operationId}\\n${wanted}\\b`, 'm'));
    }
  });
});

/** Programs that run the samples of these operations one after the other. */
const together: Readonly<Record<string, (names: readonly string[]) => string>> = {
  mjs: (names) => names.map((name) => `console.log('=== ${name}');\nawait import('./${name}.mjs');\n`).join(''),
  py: (names) => `from urllib.error import HTTPError
for name in ${JSON.stringify(names)}:
    print("\\n=== " + name, flush=True)
    try:
        exec(open(name + ".py").read(), {})
    except HTTPError as error:
        print(error.code)
`,
};
