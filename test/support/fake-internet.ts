/** An internet of one machine: its names, and what a service needs to believe in it (fake-internet.mjs). */
import { startNameServer, type Answer, type NameServer } from './name-server.js';

export interface FakeInternet {
  /** For every service that is to be in it. */
  readonly env: Readonly<Record<string, string>>;
  readonly names: NameServer;
}

/** Names below `public.test` have a public address, those below `rebound.test` that of the clouds' metadata service. */
const usual = (name: string): Answer => {
  if (name.endsWith('.public.test')) return ['93.184.216.34'];
  return name.endsWith('.rebound.test') ? ['169.254.169.254'] : 'NXDOMAIN';
};

/** `more` answers first; what it leaves open is as usual. */
export async function startFakeInternet(
  more: (name: string) => Answer | Promise<Answer> | undefined = () => undefined,
): Promise<FakeInternet> {
  const names = await startNameServer((name) => more(name) ?? usual(name));
  const preload = new URL('fake-internet.mjs', import.meta.url).href;
  return { names, env: { NODE_OPTIONS: `--import ${preload}`, FAKE_NAME_SERVER: names.address } };
}
