/**
 * Uses openapi-fetch with the types that openapi-typescript made. Arguments and output as openapi_python_client.py. The test compiles it
 * beside the types, so a call that they do not allow fails it.
 */
import { readFileSync } from 'node:fs';
import createClient from 'openapi-fetch';
import type { components, paths } from './openapi.js';

type Job = components['schemas']['Job'];
type Problem = components['schemas']['Problem'];

const [baseUrl = '', path = '', address = '', archivePath = ''] = process.argv.slice(2);
const picture = readFileSync(path);
const archive = readFileSync(archivePath);
const encoded = picture.toString('base64');
const client = createClient<paths>({ baseUrl });
const file = (): Blob => new Blob([picture], { type: 'image/jpeg' });

const waiting = { Prefer: 'wait=60' };
const asForm = (body: object): FormData => {
  const form = new FormData();
  for (const [name, value] of Object.entries(body) as [string, Blob | Blob[]][]) {
    for (const each of [value].flat()) form.append(name, each, 'a picture.jpg');
  }
  return form;
};
const bytes = { 'Content-Type': 'application/octet-stream' };
const asIs = (body: unknown): unknown => body;

interface Answer<T> {
  readonly data?: T;
  readonly error?: Problem;
  readonly response: Response;
}
const answered = <T>({ data, error, response }: Answer<T>): [number, T] => {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return [response.status, data];
};
const refused = ({ error, response }: Answer<unknown>): [number, Problem] => {
  if (error === undefined) throw new Error('was accepted');
  return [response.status, error];
};

const jobs: Record<string, [number, Job]> = {
  form: answered(
    await client.POST('/v1/jobs', {
      params: { header: waiting, query: { top_k: 2, explain: true, metadata: '{"order": "17"}' } },
      body: { image: file() },
      bodySerializer: asForm,
    }),
  ),
  base64: answered(
    await client.POST('/v1/jobs', {
      params: { header: waiting, query: { top_k: 2 } },
      body: { image_base64: encoded },
    }),
  ),
  address: answered(
    await client.POST('/v1/jobs', {
      params: { header: waiting, query: { top_k: 2 } },
      body: { image_url: address, top_k: 2 },
    }),
  ),
  raw: answered(
    await client.POST('/v1/jobs', {
      params: { header: waiting, query: { top_k: 2 } },
      headers: bytes,
      body: file(),
      bodySerializer: asIs,
    }),
  ),
};
const accepted = answered(await client.POST('/v1/jobs', { headers: bytes, body: file(), bodySerializer: asIs }));
const id = accepted[1].id;
const [, waited] = answered(await client.GET('/v1/jobs/{id}', { params: { path: { id }, header: waiting } }));

const header = waiting;
const query = { top_k: 1 };
const submitted = {
  form: await client.POST('/v1/batches', {
    params: { header, query },
    body: { images: [file(), file()] },
    bodySerializer: asForm,
  }),
  json: await client.POST('/v1/batches', {
    params: { header, query },
    body: { items: [{ image_base64: encoded, id: 'a' }, { image_url: address }] },
  }),
  raw: await client.POST('/v1/batches', {
    params: { header, query },
    headers: bytes,
    body: new Blob([archive]),
    bodySerializer: asIs,
  }),
};
const batches: Record<string, unknown> = {};
for (const [name, response] of Object.entries(submitted)) {
  const [status, { id }] = answered(response);
  const [, batch] = answered(await client.GET('/v1/batches/{id}', { params: { path: { id } } }));
  const [, results] = answered(await client.GET('/v1/batches/{id}/results', { params: { path: { id } } }));
  // The types know lines and tables, too; what was asked for is JSON.
  if (typeof results === 'string') throw new Error('was sent as text');
  batches[name] = [status, batch, results.map(({ job }) => job)];
}

const explained = jobs['form']?.[1].id ?? '';
const explanation = await client.GET('/v1/jobs/{id}/explanation.png', {
  params: { path: { id: explained } },
  parseAs: 'arrayBuffer',
});
const events = await client.GET('/v1/jobs/{id}/events', { params: { path: { id } }, parseAs: 'text' });
const listed = answered(await client.GET('/v1/jobs', { params: { query: { limit: 2 } } }))[1].jobs.map(({ id }) => id);
const models = answered(await client.GET('/v1/models'))[1].models.map(({ name }) => name);

process.stdout.write(
  JSON.stringify({
    jobs,
    accepted,
    waited,
    batches,
    events: events.data,
    explanation: Buffer.from(explanation.data ?? new ArrayBuffer(0))
      .subarray(0, 8)
      .toString('hex'),
    listed,
    models,
    problems: {
      conflict: refused(
        await client.POST('/v1/jobs', {
          params: { query: { top_k: 3 } },
          body: { image_base64: encoded, top_k: 5 },
        }),
      ),
      text: refused(
        await client.POST('/v1/jobs', { headers: bytes, body: new Blob(['no picture']), bodySerializer: asIs }),
      ),
      unknown: refused(
        await client.GET('/v1/jobs/{id}', { params: { path: { id: '00000000-0000-4000-8000-000000000000' } } }),
      ),
      finished: refused(await client.DELETE('/v1/jobs/{id}', { params: { path: { id } } })),
    },
  }),
);
