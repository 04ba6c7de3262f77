/** An nginx with deploy/nginx/quintet.conf, as it is but for addresses and paths, in front of APIs of a test. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './redis-server.js';
import { eventually } from './service-process.js';

export interface Nginx {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** The certificate that it shows, which no authority has signed. */
  readonly certificate: string;
  /** The lines of its access log so far. */
  log(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
}

export const hostName = 'quintet.example.com';

/** A program's path; nginx is where the PATH of a user who is not root does not lead. */
function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}

const nginx = find('nginx');
const openssl = find('openssl');

/** Why it cannot be started here; undefined where it can. */
export const nginxIsMissing: string | undefined =
  process.platform !== 'linux'
    ? 'clients of several addresses (127.0.0.2 …) need Linux'
    : nginx === undefined
      ? 'there is no nginx'
      : openssl === undefined
        ? 'there is no openssl'
        : undefined;

/** Starts it in front of the APIs on these ports; resolves once it takes connections. */
export async function startNginx(apiPorts: readonly number[]): Promise<Nginx> {
  if (nginx === undefined || openssl === undefined) throw new Error(nginxIsMissing);
  const folder = await mkdtemp(join(tmpdir(), 'quintet-nginx-'));
  await mkdir(join(folder, 'temp'));
  const file = (name: string): string => join(folder, name);
  // prettier-ignore
  execFileSync(openssl, ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', `/CN=${hostName}`, '-addext', `subjectAltName=DNS:${hostName}`, '-keyout', file('key'), '-out', file('crt')],
    { stdio: 'ignore' });
  const [httpPort, httpsPort] = [await freePort(), await freePort()];

  const replacements: readonly (readonly [string, string])[] = [
    ['server 127.0.0.1:3000;', apiPorts.map((port) => `server 127.0.0.1:${port};`).join('\n  ')],
    ['listen 80;', `listen 127.0.0.1:${httpPort};`],
    ['listen 443 ssl', `listen 127.0.0.1:${httpsPort} ssl`],
    ['/etc/nginx/quintet.crt', file('crt')],
    ['/etc/nginx/quintet.key', file('key')],
    ['/var/log/nginx/quintet.log', file('access.log')],
  ];
  let site = await readFile(new URL('../../deploy/nginx/quintet.conf', import.meta.url), 'utf8');
  for (const [from, to] of replacements) {
    if (site.split(from).length !== 2) throw new Error(`quintet.conf must have "${from}" once`);
    site = site.replace(from, to);
  }
  await writeFile(file('quintet.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${file('temp')}/${kind};`,
  );
  await writeFile(
    file('nginx.conf'),
    [
      // Its processes may read what only this user may.
      process.getuid?.() === 0 ? 'user root;' : '',
      `daemon off; worker_processes 1; pid ${file('pid')}; error_log stderr notice;`,
      `events {} http { ${temporary.join(' ')} include ${file('quintet.conf')}; }`,
    ].join('\n'),
  );

  const child = spawn(nginx, ['-p', folder, '-c', file('nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    // SIGTERM is its fast way out.
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await eventually(async () => {
      const socket = connect(httpsPort, '127.0.0.1');
      await once(socket, 'connect').catch((error: unknown) => {
        throw new Error(`nginx does not listen (${String(error)}):\n${said}`);
      });
      socket.destroy();
    }, 30_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    httpPort,
    httpsPort,
    certificate: await readFile(file('crt'), 'utf8'),
    log: async () =>
      (await readFile(file('access.log'), 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
    stop,
  };
}
