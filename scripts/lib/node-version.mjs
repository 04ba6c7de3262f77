/** Kept free of imports and of new syntax, so that an old Node can still read it and say what is wrong. */
const NEEDED = [20, 19];

/** Ends the process with 1 where this Node is older than package.json's `engines` asks. */
export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  process.stderr.write(
    `Quintet needs Node.js ${NEEDED.join('.')} or newer; this is ${version}.\n` +
      'Install a current one from https://nodejs.org (or `nvm install 24`), then run the same command again.\n',
  );
  process.exit(1);
}
