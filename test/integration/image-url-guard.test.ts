/**
 * That a worker reaches nothing private for a job by `image_url`, as ALLOW_PRIVATE_HOSTS=false promises: the compiled services
 * in an internet of one machine (fake-internet.ts), where what looks public is this test's server.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startFakeInternet, type FakeInternet } from '../support/fake-internet.js';
import { redirect, send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { startStack, type Stack } from '../support/stack.js';
import { jobOf, problemOf } from './api-harness.js';

let stack: Stack;
let pictures: PictureServer;
let photo: Buffer;
let internet: FakeInternet;

beforeAll(async () => {
  photo = await makeImage({ format: 'png', width: 64, height: 64 });
  pictures = await startPictureServer();
  internet = await startFakeInternet();
  stack = await startStack({ env: { ALLOW_PRIVATE_HOSTS: 'false', ...internet.env } });
});
afterAll(async () => {
  await stack.stop();
  await pictures.stop();
  internet.names.stop();
});

const submit = (image_url: string): Promise<Response> =>
  fetch(`${stack.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify({ image_url }),
  });

it('fetches from a public host, through redirects among public hosts', async () => {
  const url = pictures.at(send(photo), 'cdn.public.test');
  expect(await jobOf(await submit(pictures.at(redirect(url), 'www.public.test')))).toMatchObject({
    status: 'succeeded',
  });
  expect(pictures.visits(url)[0]?.headers.host).toBe(`cdn.public.test:${pictures.port}`);
});

it.each(['127.0.0.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', 'localhost', 'metadata.google.internal'])(
  'refuses %s at the door, and behind a redirect from a public host',
  async (host) => {
    const target = pictures.at(send(photo), host);
    const problem = await problemOf(await submit(target));
    expect(problem).toMatchObject({ code: 'image_url_refused', errors: [{ pointer: '#/image_url' }] });

    const detour = pictures.at(redirect(pictures.at(redirect(target), 'b.public.test')), 'a.public.test');
    const job = await jobOf(await submit(detour));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'image_url_refused', retryable: false } });
    expect(pictures.visits(target)).toEqual([]);
  },
);

it('refuses a name that resolves to a private address, named or redirected to, and does not tell the address', async () => {
  const target = pictures.at(send(photo), 'picture.rebound.test');
  for (const url of [target, pictures.at(redirect(target), 'www.public.test')]) {
    const job = await jobOf(await submit(url));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'image_url_refused' } });
    expect(JSON.stringify(job)).not.toContain('169.254');
  }
  expect(pictures.visits(target)).toEqual([]);
});
