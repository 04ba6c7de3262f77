/** The secret of webhooks: of the option, the environment, or what `npm start` made in this folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../arguments.js';

export async function webhookSecret(option: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const given = option ?? env['WEBHOOK_SECRET'] ?? (await kept(env));
  if (given === undefined || given.trim() === '') throw new UsageError('give the secret: --secret, or WEBHOOK_SECRET');
  for (const each of given.trim().split(/\s+/)) {
    if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(each)) throw new UsageError('a webhook secret is whsec_ and base64');
  }
  return given;
}

async function kept(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    return await readFile(join(env['DATA_DIR'] ?? '.quintet', 'webhook-secret'), 'utf8');
  } catch {
    return undefined;
  }
}
