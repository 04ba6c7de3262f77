import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CatalogueEntry } from './catalogue.js';
import { ensureDefaultModel } from './default-model.js';
import { ensureModel } from './ensure-model.js';
import { fakeEntry, memoryLog, randomContent, serveFile, startMirror, temporaryFolder } from './mirror.test-support.js';

const names = ['best', 'next', 'bundled'];
/** Sources are heard at once here, or never: the times are for a machine that is busy. */
const timing = { connectMs: 10_000, stallMs: 10_000, attempts: 2, pauseMs: 5 };

/** Three rungs; the last lies in a file. Sources of the first two are the test's. */
async function ladder(best: readonly string[], next: readonly string[]) {
  const contents = { best: randomContent(), next: randomContent(), bundled: randomContent() };
  const folder = await temporaryFolder();
  const bundled = join(folder, 'bundled.onnx');
  await writeFile(bundled, contents.bundled);
  const catalogue: CatalogueEntry[] = [
    fakeEntry(contents.best, best, 'best'),
    fakeEntry(contents.next, next, 'next'),
    fakeEntry(contents.bundled, [pathToFileURL(bundled).href], 'bundled'),
  ];
  const { log, lines } = memoryLog();
  const options = { names, catalogue, modelsDir: join(folder, 'models'), log, timing };
  return { contents, options, lines, catalogue, last: () => lines.at(-1) };
}

/** Accepts connections and never answers: `asked` resolves when `count` requests have come. */
async function startSilent() {
  const mirror = await startMirror(() => undefined);
  return {
    ...mirror,
    asked: (count: number) => vi.waitUntil(() => mirror.ranges.length >= count, { timeout: 120_000 }),
  };
}

/** An address of this machine whose connections are never made: its listener is stopped, and its backlog is full. */
async function startBlackhole(): Promise<string> {
  const script = `const s = require('net').createServer();
    s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
  const listener = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(listener.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  listener.kill('SIGSTOP');
  const fillers = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await once(fillers[0] ?? listener, 'connect');
  onTestFinished(() => {
    for (const filler of fillers) filler.destroy();
    listener.kill('SIGKILL');
  });
  return `http://127.0.0.1:${port}`;
}

/** A port that refuses: it was free a moment ago. */
async function refusing(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

describe('the default model', () => {
  it('is the best one, and nobody else is waited for when its source answers', async () => {
    const silent = await startSilent();
    const good = await startMirror((request, response) => {
      serveFile(request, response, contents.best);
    });
    const { contents, options, last } = await ladder([`${good.url}/best`], [`${silent.url}/next`]);
    const model = await ensureDefaultModel(options);
    expect(await readFile(model.modelPath)).toEqual(contents.best);
    expect(last()).toBe('info: serving best, the default');
    // The second time nobody is asked.
    await ensureDefaultModel(options);
    expect(good.ranges).toEqual(['bytes=0-0', null]);
  });

  it('comes from the next source of the same rung before another rung', async () => {
    const good = await startMirror((request, response) => {
      serveFile(request, response, contents.best);
    });
    const { contents, options } = await ladder([`${await refusing()}/best`, `${good.url}/best`], [`${good.url}/next`]);
    expect((await ensureDefaultModel(options)).manifest).toMatchObject({ name: 'best', source: `${good.url}/best` });
  });

  it('is the next rung where the best is not to be had, and the best again as soon as it is', async () => {
    let open = false;
    const mirror = await startMirror((request, response) => {
      if (request.url?.endsWith('/next') === true) serveFile(request, response, contents.next);
      else if (open) serveFile(request, response, contents.best);
      else response.writeHead(403).end();
    });
    const { contents, options, last } = await ladder([`${mirror.url}/best`], [`${mirror.url}/next`]);
    expect((await ensureDefaultModel(options)).manifest.name).toBe('next');
    expect(last()).toMatch(
      /^warn: serving next: best cannot be had \(127.0.0.1:\d+: HTTP 403\); the next start tries again$/,
    );
    open = true;
    expect((await ensureDefaultModel(options)).manifest.name).toBe('best');
  });

  it.each<[string, () => Promise<string>, string]>([
    ['a name that does not resolve', () => Promise.resolve('http://no..name'), 'does not resolve'],
    ['a refused connection', refusing, 'ECONNREFUSED'],
    ['no TLS where it was expected', () => answeringInsteadOfTls(), 'SSL'],
    ['404', () => answering(404, 'application/octet-stream'), 'HTTP 404'],
    ['a captive portal', () => answering(200, 'text/html'), 'a web page came'],
    ['503', () => answering(503, 'text/plain'), 'HTTP 503'],
  ])('is the bundled one after %s', async (_what, start, reason) => {
    const url = await start();
    const { options, last } = await ladder([`${url}/best`], [`${url}/next`]);
    expect((await ensureDefaultModel(options)).manifest.name).toBe('bundled');
    expect(last()).toContain('serving bundled: best and next cannot be had');
    expect(last()).toContain(reason);
  });

  it('is the next rung after another file than the expected one, which is told', async () => {
    const mirror = await startMirror((request, response) => {
      if (request.url?.endsWith('/next') === true) serveFile(request, response, contents.next);
      else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('<p>Sign in');
    });
    const { contents, options, lines } = await ladder([`${mirror.url}/best`], [`${mirror.url}/next`]);
    expect((await ensureDefaultModel(options)).manifest.name).toBe('next');
    expect(lines.join('\n')).toContain('warn: What http://127.0.0.1');
  });

  it('is the next rung when a download that had begun stalls; what came of it is kept', async () => {
    const mirror = await startMirror((request, response, count) => {
      if (request.url?.endsWith('/next') === true) serveFile(request, response, contents.next);
      else if (request.headers.range === 'bytes=0-0') serveFile(request, response, contents.best);
      else if (count < 3)
        response.writeHead(200, { 'content-length': 200_000 }).write(contents.best.subarray(0, 70_000));
      else response.writeHead(206, { 'content-range': 'bytes 70000-199999/200000' }).write(' ');
    });
    const { contents, options, lines } = await ladder([`${mirror.url}/best`], [`${mirror.url}/next`]);
    const impatient = { ...options, timing: { ...timing, stallMs: 150 } };
    expect((await ensureDefaultModel(impatient)).manifest.name).toBe('next');
    expect(lines.join('\n')).toContain('nothing came for 0.15 s');
    const part = join(options.modelsDir, '.staging', 'best', 'best-1.onnx.part');
    expect((await readFile(part)).subarray(0, 70_000)).toEqual(contents.best.subarray(0, 70_000));
  });

  it('takes what is there of a lower rung without asking for it', async () => {
    const url = await answering(404, 'text/plain');
    const silent = await startSilent();
    const { options, contents, catalogue } = await ladder([`${url}/best`], [`${silent.url}/next`]);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'next-1.onnx'), contents.next);
    await ensureModel({ ...options, name: 'next', baseUrl: pathToFileURL(folder).href });
    expect((await ensureDefaultModel({ ...options, catalogue })).manifest.name).toBe('next');
    expect(silent.ranges).toEqual([]);
  });

  it('is no way around a folder that somebody has to look at', async () => {
    const { options } = await ladder([], []);
    await mkdir(join(options.modelsDir, 'best'), { recursive: true });
    await writeFile(join(options.modelsDir, 'best', 'model.onnx'), 'mine');
    await expect(ensureDefaultModel(options)).rejects.toMatchObject({ code: 'model_manifest_invalid' });
  });

  it('is no way around a full disk', async () => {
    const mirror = await startMirror((_request, response) => response.end('x'));
    const { options, catalogue } = await ladder([`${mirror.url}/best`], []);
    const [best, ...rest] = catalogue;
    if (best === undefined) throw new Error('no rung');
    const huge = [{ ...best, bytes: Number.MAX_SAFE_INTEGER }, ...rest];
    await expect(ensureDefaultModel({ ...options, catalogue: huge })).rejects.toMatchObject({ code: 'disk_full' });
  });

  it('stops when it is told to', async () => {
    const silent = await startSilent();
    const { options } = await ladder([`${silent.url}/best`], []);
    const stop = new AbortController();
    const waiting = ensureDefaultModel({ ...options, signal: stop.signal });
    await silent.asked(1);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'model_fetch_aborted' });
  });
});

describe('a network that drops packets', () => {
  it('costs less than five seconds in all, however many sources there are', async () => {
    const blackhole = await startBlackhole();
    const silent = await startSilent();
    const { options, last } = await ladder(
      [`${silent.url}/mirror`, `${blackhole}/best`],
      [`${silent.url}/next`, `${blackhole}/next`],
    );
    // Only our own timers: those of the network are Node's.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let model: unknown;
    const started = ensureDefaultModel({ ...options, timing: {} }).then((found) => {
      model = found.manifest.name;
    });
    await silent.asked(2);
    await vi.advanceTimersByTimeAsync(4_499);
    expect(model).toBeUndefined();
    vi.advanceTimersByTime(1);
    // No further time passes on the clock that all limits are measured by.
    await started;
    expect(model).toBe('bundled');
    expect(last()).toContain('no answer within 4.5 s');
  });
});

/** Answers every request with `status`. */
async function answering(status: number, type: string): Promise<string> {
  const mirror = await startMirror((_request, response) =>
    response.writeHead(status, { 'content-type': type }).end('<p>no'),
  );
  return mirror.url;
}

/** The address of a server that speaks no TLS, as if it did: its certificate is never the right one. */
async function answeringInsteadOfTls(): Promise<string> {
  return (await answering(200, 'application/octet-stream')).replace('http:', 'https:');
}
