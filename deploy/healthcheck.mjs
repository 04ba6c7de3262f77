/**
 * Health check of a container: exit 0 while the service is ready, else 1 with the reasons on stdout, where
 * `docker inspect` shows them.
 *
 *   node healthcheck.mjs NAME_OF_PORT_VARIABLE DEFAULT_PORT
 */
const [variable, fallback] = process.argv.slice(2);
const port = process.env[variable] || fallback;

try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(4000) });
  process.stdout.write(`${await answer.text()}\n`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
