/** The page has a sentence for people for every failure that a person can meet. */
import { errorCodes, errorRegistry } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { hasWords, wordsFor } from './problem-words.js';

/** Codes that no person meets here, and why. */
const notForPeople: Readonly<Record<string, readonly string[]>> = {
  'the page sends one picture as the body, or its address in JSON that it wrote itself': [
    ...['image_missing', 'one_image_per_job', 'file_field_unexpected', 'multipart_malformed', 'json_malformed'],
    ...[
      'base64_invalid',
      'option_unknown',
      'option_conflict',
      'request_malformed',
      'not_acceptable',
      'content_type_unsupported',
    ],
    ...['content_encoding_unsupported', 'idempotency_key_invalid', 'idempotency_key_reused'],
  ],
  'it asks for no webhook': [
    ...['webhook_url_refused', 'webhooks_disabled', 'webhook_endpoint_disabled', 'delivery_not_found'],
    'delivery_pending',
  ],
  'it sends many pictures one by one': [
    ...['batch_id_invalid', 'batch_empty', 'archive_malformed', 'batch_not_found', 'batch_finished'],
    ...['batch_too_many_items', 'batch_too_large', 'archive_entry_encrypted', 'archive_entry_unreadable'],
    'archive_entry_expands',
  ],
  "it speaks no other clients' protocol": ['infer_request_invalid', 'job_canceled', 'answer_timeout'],
};
const excused = new Set(Object.values(notForPeople).flat());
const forPeople = errorCodes.filter((code) => !excused.has(code));

describe('the words for a failure', () => {
  it('are there for every code of the registry that can reach the page, and for no other', () => {
    expect(
      forPeople.filter((code) => !hasWords(code)),
      'has no words',
    ).toEqual([]);
    expect([...excused].filter(hasWords), 'has words that nobody reads').toEqual([]);
    expect(
      [...excused].filter((code) => !Object.hasOwn(errorRegistry, code)),
      'is no code any more',
    ).toEqual([]);
  });

  it.each([...forPeople, 'job_expired', 'unreachable', 'image_unreadable', 'page_error'])(
    '%s: about the picture, not the request',
    (code) => {
      const { title, advice } = wordsFor({ code, title: 'The request has no body', retryable: false });
      expect(title).toMatch(/^[A-Z][^.]{8,35}$/);
      expect(advice).toMatch(/^[A-Z].{15,}\.$/);
      const words = `${title} ${advice}`;
      expect(words).not.toMatch(
        /\b(request has|body|bytes|header|query|JSON|multipart|Idempotency|Redis|queue|job)\b/i,
      );
      // The page does send again what may pass, and only that.
      const isRepeated = words.includes('tries again by itself');
      const known: Readonly<Record<string, { readonly retryable: boolean } | undefined>> = errorRegistry;
      if (isRepeated) expect(known[code]?.retryable ?? code === 'unreachable').toBe(true);
    },
  );

  it("keep the service's own, where they add something, and of a code that the page does not know", () => {
    const problem = { title: 'The image has too many pixels', detail: 'It has 48,000,000.', retryable: false };
    expect(wordsFor({ ...problem, code: 'image_too_many_pixels' })).toMatchObject({ detail: 'It has 48,000,000.' });
    expect(wordsFor({ ...problem, code: 'body_empty', detail: 'Send a picture.' })).not.toHaveProperty('detail');
    expect(wordsFor({ code: 'http_502', title: 'Bad', retryable: true })).toMatchObject({ title: 'Bad' });
    expect(wordsFor({ code: 'http_403', title: 'No', retryable: false }).advice).toContain('Reload');
    expect(hasWords('constructor')).toBe(false);
  });
});
