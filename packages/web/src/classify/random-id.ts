/** 128 random bits. Not crypto.randomUUID: a page that came without TLS from another machine has none. */
export function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
