/** The snippets of docs/webhooks.md do what the page says, with deliveries of the real service. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { webhooksVariables } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  newId,
  secret as oldSecret,
  startPeers,
  startReceiver,
  startWebhooks,
  succeeded,
  type Received,
} from '../integration/webhooks-harness.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'quintet-snippets-'));
const newSecret = `whsec_${randomBytes(32).toString('base64')}`;
const otherSecret = `whsec_${randomBytes(32).toString('base64')}`;
const python = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0;

/** Writes the snippet `name` of the page to a file, as a reader would. */
function save(name: string): string {
  const marker = `<!-- snippet: ${name} -->`;
  const code = page.split(marker)[1]?.split(/^```\w*$/m)[1];
  if (code === undefined) throw new Error(`the page has no snippet ${name}`);
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

interface Case {
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Each case's event, or undefined where the snippet refused it. */
type Verify = (cases: readonly Case[]) => Promise<unknown[]>;

const verifyInNode: Verify = async (cases) => {
  type Snippet = (secret: string, headers: Case['headers'], body: Buffer) => unknown;
  const module = (await import(pathToFileURL(save('verify-webhook.mjs')).href)) as { verifyWebhook: Snippet };
  return cases.map(({ secret, headers, body }) => {
    try {
      return module.verifyWebhook(secret, headers, body);
    } catch {
      return undefined;
    }
  });
};

const pythonDriver = `
import base64, json, sys
from verify_webhook import verify_webhook
answers = []
for case in json.load(sys.stdin):
    try:
        answers.append({"event": verify_webhook(case["secret"], case["headers"], base64.b64decode(case["body"]))})
    except ValueError:
        answers.append({})
json.dump(answers, sys.stdout)
`;

const verifyInPython: Verify = (cases) => {
  save('verify_webhook.py');
  const input = JSON.stringify(cases.map((each) => ({ ...each, body: each.body.toString('base64') })));
  const output = execFileSync('python3', ['-c', pythonDriver], { cwd: folder, input, encoding: 'utf8' });
  return Promise.resolve((JSON.parse(output) as { event?: unknown }[]).map(({ event }) => event));
};

let redis: RedisServer;
let service: ServiceProcess;
let peers: ReturnType<typeof startPeers>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let delivered: Received;

beforeAll(async () => {
  redis = await startRedis();
  receiver = await startReceiver();
  peers = startPeers(redis.url);
  // Keys are being changed: receivers have one or the other.
  service = await startWebhooks(redis.url, {
    ALLOW_PRIVATE_HOSTS: 'true',
    WEBHOOK_SECRET: `${newSecret} ${oldSecret}`,
    WEBHOOK_SCHEDULE_SECONDS: '0',
  });
  const id = newId();
  await peers.submit(id, receiver.expectAt(id), succeeded());
  delivered = await eventually(() => {
    const [first] = receiver.at(id);
    if (first === undefined) throw new Error('nothing has arrived');
    return first;
  });
});

afterAll(async () => {
  await service.end('SIGKILL');
  await peers.stop();
  receiver.stop();
  await redis.stop();
  rmSync(folder, { recursive: true });
});

/** The delivery, as a receiver with `secret` has it, with these headers changed. */
function received(secret: string, changes: Record<string, string> = {}, body = delivered.raw): Case {
  const headers = Object.fromEntries(Object.entries(delivered.headers).map(([name, value]) => [name, String(value)]));
  return { secret, headers: { ...headers, ...changes }, body };
}

/** A message that is genuine in all but its time. */
function sentAt(seconds: number): Case {
  const timestamp = String(Math.floor(seconds));
  const key = Buffer.from(oldSecret.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`msg_1.${timestamp}.`).update(delivered.raw).digest('base64');
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
  return { secret: oldSecret, headers, body: delivered.raw };
}

const signature = (): string => String(delivered.headers['webhook-signature']);
const snippets: [string, Verify, boolean][] = [
  ['Node', verifyInNode, true],
  ['Python', verifyInPython, python],
];

// One test for each language: where its program is not installed, one is skipped.
for (const [language, verify, available] of snippets) {
  it.skipIf(!available)(`the snippet for ${language} takes what is genuine, and nothing else`, async () => {
    const now = Date.now() / 1000;
    // With the old and the new key, while they are changed.
    const genuine = [received(oldSecret), received(newSecret), sentAt(now - 120), sentAt(now + 120)];
    for (const event of await verify(genuine)) expect(event).toEqual(delivered.body);

    const changed = Buffer.from(delivered.raw.toString().replace('golden retriever', 'tabby'));
    expect(changed).not.toEqual(delivered.raw);
    const others = [
      received(otherSecret),
      received(oldSecret, {}, changed),
      received(oldSecret, { 'webhook-id': 'msg_other' }),
      received(oldSecret, { 'webhook-timestamp': String(delivered.timestamp + 1) }),
      received(oldSecret, { 'webhook-signature': signature().replaceAll('v1,', 'v1,A') }),
      received(oldSecret, { 'webhook-signature': signature().replaceAll('v1,', 'v2,') }),
      received(oldSecret, { 'webhook-signature': signature().replaceAll('v1,', '') }),
      received(oldSecret, { 'webhook-signature': 'v1,' }),
      received(oldSecret, { 'webhook-signature': '' }),
      received(oldSecret, { 'webhook-timestamp': 'now' }),
      received(oldSecret, { 'webhook-timestamp': '' }),
      sentAt(now - 900),
      sentAt(now + 900),
      { secret: oldSecret, headers: {}, body: delivered.raw },
    ];
    expect(await verify(others)).toEqual(others.map(() => undefined));
  });
}

describe('the receiver of the page', () => {
  let running: ChildProcess;
  afterAll(() => running.kill('SIGKILL'));

  it('takes what the service sends, and refuses what it does not', async () => {
    save('verify-webhook.mjs');
    const lines: string[] = [];
    running = spawn(process.execPath, [save('receiver.mjs')], {
      env: { PATH: process.env['PATH'], PORT: '0', WEBHOOK_SECRET: newSecret },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (running.stdout !== null) createInterface({ input: running.stdout }).on('line', (line) => lines.push(line));
    const port = await eventually(() => {
      const [, found] = /listening on (\d+)/.exec(lines[0] ?? '') ?? [];
      if (found === undefined) throw new Error('it does not listen yet');
      return found;
    });
    const url = `http://127.0.0.1:${port}/`;
    const id = newId();
    await peers.submit(id, url, succeeded());
    await eventually(async () => {
      expect(await peers.logged(id)).toMatchObject({ state: 'delivered', attempts: [{ status: 204 }] });
      expect(lines.join()).toContain('job.succeeded');
    });
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
  });
});

describe('the page', () => {
  it('has the schedule that is the default', () => {
    const row = /^\| after another +\|(.+)\|$/m.exec(page)?.[1] ?? '';
    const seconds = row.split('|').map((cell) => {
      const [, count, unit] = /^(\d+) (s|min|h)$/.exec(cell.trim()) ?? [];
      return unit === undefined ? 0 : Number(count) * { s: 1, min: 60, h: 3600 }[unit as 's' | 'min' | 'h'];
    });
    expect(seconds.join()).toBe(webhooksVariables.WEBHOOK_SCHEDULE_SECONDS.fallback);
  });
});
