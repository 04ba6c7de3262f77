/** Bad input beside the picture: options, addresses, headers. See api-bad-input.test.ts. */
import { describe, expect, it } from 'vitest';
import { expectRaw, head, json, raw, refused, targetOfTests } from './api-bad-input-harness.js';
import { formWith, problemOf, rawExchange } from './api-harness.js';

const target = targetOfTests();

describe('options', () => {
  it('top_k=0 or "five"', async () => {
    const { image, post } = target();
    for (const value of ['0', 'five', '21', '-1', '1e99', '']) {
      const response = await refused(() => post(formWith(image, { top_k: value })), 'option_invalid');
      const { errors } = await problemOf(response);
      expect(errors).toEqual([{ detail: expect.stringContaining('from 1 to 20') as string, pointer: '#/top_k' }]);
      await refused(() => post(image, raw, `?top_k=${value}`), 'option_invalid');
    }
    await refused(() => post('{"image_base64":"QUJD","top_k":"5"}', json), 'option_invalid');
  });

  it('unknown option', async () => {
    const { image, post } = target();
    const response = await refused(() => post(formWith(image, { topk: '3' })), 'option_unknown');
    expect((await problemOf(response)).detail).toMatch(/"topk".*top_k/);
    await refused(() => post(image, raw, '?topk=3'), 'option_unknown');
    await refused(() => post('{"image_base64":"QUJD","__proto__":{"top_k":1}}', json), 'option_unknown');
    // Wherever it is, and whatever the body.
    await refused(() => post(formWith(image), {}, '?topk=3'), 'option_unknown');
    await refused(() => post('{"image_base64":"QUJD"}', json, '?topk=3'), 'option_unknown');
  });

  it('an option with one value in the query and another in the body', async () => {
    const { image, post } = target();
    const base64 = image.toString('base64');
    const asked = [
      () => post(formWith(image, { top_k: '5' }), {}, '?top_k=3'),
      () => post(JSON.stringify({ image_base64: base64, top_k: 5 }), json, '?top_k=3'),
    ];
    for (const ask of asked) {
      const { detail, errors } = await problemOf(await refused(ask, 'option_conflict'));
      expect(detail).toBe('top_k is 3 in the query and 5 in the body. Send each option once, or with the same value.');
      expect(errors).toMatchObject([{ pointer: '#/top_k' }]);
    }
  });

  it('unknown model', async () => {
    const { image, post } = target();
    const response = await refused(() => post(image, raw, '?model=resnet5000'), 'model_not_found');
    expect((await problemOf(response)).detail).toContain('resnet50.');
  });

  it('malformed JSON', async () => {
    const { post } = target();
    for (const text of ['{', '{"image_base64":}', 'image', '[]', '"text"', '\ufeff', '{"a":"\u0001"}', '\0']) {
      await refused(() => post(text, json), 'json_malformed');
    }
    await refused(() => post('\ufeff{}', json), 'image_missing');
    await refused(() => post('['.repeat(20_000_000), json), 'body_too_large');
  });

  it('bad base64', async () => {
    const { post } = target();
    for (const text of ['%%%', 'QQ=', 'Q', 'QUJD QUJD', `${'QUJD'.repeat(3000)}*`]) {
      await refused(() => post(JSON.stringify({ image_base64: text }), json), 'base64_invalid');
    }
    await refused(() => post('{"image_base64":{"a":1}}', json), 'base64_invalid');
  });

  it('an address to fetch that must not be called', async () => {
    const { post } = target();
    await refused(() => post('{"image_url":"http://10.0.0.1/a.jpg"}', json), 'image_url_refused');
  });
});

describe('addresses and headers', () => {
  it('unknown job id', async () => {
    const { api } = target();
    const path = '/v1/jobs/01234567-89ab-4def-8123-456789abcdef';
    await refused(() => api.request(path), 'job_not_found');
    await refused(() => api.request(path, { method: 'DELETE' }), 'job_not_found');
    await refused(() => api.request(path, { headers: { Prefer: 'wait=5' } }), 'job_not_found');
  });

  it('an id with odd characters', async () => {
    const { api } = target();
    for (const id of [
      '%00',
      '%2e%2e%2fetc',
      '1',
      '%20',
      '*',
      '%F0%9F%90%B6',
      'a'.repeat(4000),
      "';--",
      '01234567-89AB-4def-8123-456789abcdef',
    ]) {
      await refused(() => api.request(`/v1/jobs/${id}`), 'job_id_invalid');
    }
    await refused(() => api.request('/v1/jobs/%E0%A4%A'), 'request_malformed');
  });

  it('wrong method', async () => {
    const { api } = target();
    const methods = {
      '/v1/jobs': 'PUT',
      '/v1/models': 'POST',
      '/health/live': 'DELETE',
      '/metrics': 'PATCH',
      '/': 'POST',
    };
    for (const [path, method] of Object.entries(methods)) {
      const response = await refused(() => api.request(path, { method }), 'method_not_allowed');
      expect(response.headers.get('allow')).toMatch(/^GET, HEAD\b/);
    }
    await refused(() => api.request('/v1/jobs/x', { method: 'POST' }), 'method_not_allowed');
    await refused(() => api.request('/v3/nothing'), 'route_not_found');
  });

  it('unsupported Accept', async () => {
    const { api, image, post } = target();
    await refused(() => post(image, { ...raw, Accept: 'text/html' }), 'not_acceptable');
    await refused(
      () => api.request('/v1/models', { headers: { Accept: 'image/png, text/*;q=0.5' } }),
      'not_acceptable',
    );
    await refused(() => api.request('/metrics', { headers: { Accept: 'application/json' } }), 'not_acceptable');
    for (const accept of ['*/*', 'application/*', 'application/json;q=0.1, text/html', 'application/problem+json']) {
      expect((await api.request('/v1/models', { headers: { Accept: accept } })).status).toBe(200);
    }
  });

  it('unsupported type or encoding of the body', async () => {
    const { api, image, post } = target();
    await refused(() => post(image, { 'Content-Type': 'text/plain' }), 'content_type_unsupported');
    await refused(
      () => post(image, { 'Content-Type': 'application/x-www-form-urlencoded' }),
      'content_type_unsupported',
    );
    expectRaw(
      await rawExchange(api.port, [head('Content-Length: 3', 'Connection: close'), 'abc']),
      'image_format_unsupported',
    );
    await refused(() => post(image, { ...raw, 'Content-Encoding': 'gzip' }), 'content_encoding_unsupported');
    expect((await post(image, { ...raw, 'Content-Encoding': 'identity' })).status).toBe(202);
  });

  it('a Prefer that makes no sense is ignored, as RFC 7240 has it', async () => {
    const { image, post } = target();
    for (const prefer of ['wait=abc', 'wait=-1', 'wait', ',;=', 'handling=strict']) {
      const response = await post(image, { ...raw, Prefer: prefer === 'wait' ? 'wait=0' : prefer });
      expect(response.status).toBe(202);
    }
  });

  it('what is not HTTP', async () => {
    const { api } = target();
    expectRaw(await rawExchange(api.port, ['nonsense\r\n\r\n']), 'request_malformed');
    expectRaw(
      await rawExchange(api.port, [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`]),
      'request_malformed',
    );
    const smuggled = head('Content-Type: image/jpeg', 'Content-Length: 3', 'Transfer-Encoding: chunked');
    expectRaw(await rawExchange(api.port, [smuggled, '0\r\n\r\n']), 'request_malformed');
    const chunked = head('Content-Type: image/jpeg', 'Transfer-Encoding: chunked');
    expectRaw(await rawExchange(api.port, [chunked, 'zz\r\n']), 'upload_incomplete');
  });
});
