/**
 * API keys: `qk_` and 256 random bits, of which only the SHA-256 is kept. With that much chance in a key nobody can guess
 * one from its hash, so a slow password hash would only slow every request down (NIST SP 800-63B section 5.1.2.2 asks for
 * one below 112 bits).
 *
 * A service is given a list of entries, in the environment or in a file. Two entries may have the same name: that is how a
 * key is replaced, as both belong to one client, who owns the jobs of either.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** submit: POST and DELETE; read: everything else; admin: what belongs to others too, and /metrics. */
export const apiScopes = ['submit', 'read', 'admin'] as const;
export type ApiScope = (typeof apiScopes)[number];

const keyPattern = /^qk_[A-Za-z0-9_-]{43}$/;

export const apiKeyEntrySchema = z.strictObject({
  /** Who the client is: in logs of the operator, and as the owner of its jobs. */
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'expected up to 64 of A–Z a–z 0–9 . _ -'),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 hex digits'),
  scopes: z.array(z.enum(apiScopes)).min(1).default(['submit', 'read']),
  /** Over RATE_LIMIT_PER_MINUTE; 0: no limit. */
  rate_per_minute: z.int().min(0).max(10_000_000).optional(),
  /** Over MAX_CONCURRENT_JOBS_PER_CLIENT; 0: no limit. */
  concurrency: z.int().min(0).max(1_000_000).optional(),
});
export type ApiKeyEntry = z.infer<typeof apiKeyEntrySchema>;

/** A list of keys that cannot be used. Its message names the entry and the member, never a value: it may be a key. */
export class ApiKeysError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ApiKeysError';
  }
}

/** The digest under which a key is known. */
export function digestOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Whether `text` has the form of a key. */
export function isKey(text: string): boolean {
  return keyPattern.test(text);
}

/** A new key, to be told to its owner once, and its entry, to be kept. */
export function createApiKey(name: string, scopes: readonly ApiScope[]): { key: string; entry: ApiKeyEntry } {
  const key = `qk_${randomBytes(32).toString('base64url')}`;
  const entry = { name, hash: `sha256:${digestOfKey(key).toString('hex')}`, scopes: [...scopes] };
  return { key, entry: apiKeyEntrySchema.parse(entry) };
}

/**
 * Reads a JSON array of entries. Throws ApiKeysError; also where there is none in it, as a service that was to have keys
 * must not become open because its file is empty.
 */
export function parseApiKeys(json: string): ApiKeyEntry[] {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw new ApiKeysError('it is not JSON');
  }
  if (!Array.isArray(document)) throw new ApiKeysError('it is not a JSON array');
  if (document.length === 0) throw new ApiKeysError('it has no entry');
  const entries = document.map((each: unknown, index) => {
    const parsed = apiKeyEntrySchema.safeParse(each);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new ApiKeysError(`entry ${index}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is malformed'}`);
  });
  refuseDuplicates(entries);
  return entries;
}

/** Throws ApiKeysError where two entries have one hash: it could not be said whose key it is. */
export function refuseDuplicates(entries: readonly ApiKeyEntry[]): void {
  const seen = new Map<string, string>();
  for (const { name, hash } of entries) {
    const other = seen.get(hash);
    if (other !== undefined) throw new ApiKeysError(`${other} and ${name} have the same key`);
    seen.set(hash, name);
  }
}
