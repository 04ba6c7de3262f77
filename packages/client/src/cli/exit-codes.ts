/** How the command ends; docs/client.md has the table. */
export const exitCodes = {
  ok: 0,
  /** Some pictures failed, or a webhook is not genuine; the rest is done. */
  failed: 1,
  /** The command line is wrong, or the service refused an option. */
  usage: 2,
  /** The service cannot be used: unreachable, the key is missing or not good enough, no such model. */
  service: 3,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
