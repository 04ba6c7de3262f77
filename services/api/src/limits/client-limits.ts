/** What one client may take of the service; 0: as much as it likes. */
export interface ClientLimits {
  /** Tells clients apart: `key:<name>`, or `ip:<address>` where nobody has a name. */
  readonly key: string;
  readonly perMinute: number;
  readonly concurrency: number;
}

export const unlimited: ClientLimits = { key: 'ip:unknown', perMinute: 0, concurrency: 0 };
