// The first step of `npm start` by itself, for CI: `node scripts/lib/install.mjs`.
import { ensureDependencies } from './dependencies.mjs';
import { root } from './project.mjs';
import { tellFailure } from './report.mjs';

try {
  await ensureDependencies(root);
} catch (error) {
  tellFailure(error);
  process.exitCode = 1;
}
