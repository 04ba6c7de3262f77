/** The key that signs webhooks: the environment's, or one made once and kept. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './report.mjs';

/** @param {string} dataDir @param {NodeJS.ProcessEnv} [env] @returns {string} `whsec_…` */
export function webhookSecret(dataDir, env = process.env) {
  const given = env['WEBHOOK_SECRET']?.trim();
  if (given) return given;
  const file = join(dataDir, 'webhook-secret');
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // Several while they are changed, as in the variable.
  if (/^whsec_[A-Za-z0-9+/]+={0,2}(\s+whsec_[A-Za-z0-9+/]+={0,2}){0,3}$/.test(kept)) {
    step(`Webhooks: signed with the key in ${file}`);
    return kept;
  }
  const made = `whsec_${randomBytes(32).toString('base64')}`;
  writeFileSync(file, `${made}\n`, { mode: 0o600 });
  step(`Webhooks: WEBHOOK_SECRET is not set; made a key and wrote it to ${file}`);
  return made;
}
