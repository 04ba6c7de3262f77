/** What an error of ioredis or BullMQ says of Redis, as opposed to a mistake of ours. */

/**
 * Replies that say that Redis takes no command now, or no write: it loads, is a replica, cannot write to its disk, has no memory
 * or too few replicas, is busy with a script, or does not know this service. They begin the message; they follow a colon where
 * a transaction or, before Redis 7, a script quotes them.
 */
const refused =
  /(?:^|: -?)(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|OOM|NOREPLICAS|BUSY|UNBLOCKED|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)\b/;

/** What ioredis says of a command that it could not send, or that got no answer; "report this" is of an answer that is not Redis'. */
const unanswered =
  /Connection is closed|Command (?:timed out|aborted due to connection close)|Stream isn't writeable|Socket (?:closed|timeout)|None of startup nodes is available|Cluster (?:isn't ready|is ended)|Too many Cluster redirections|Please report this\.$/;

const unreachable = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
]);

/** Whether `error` says that Redis has no memory left for what it was to keep. */
export function isRedisFull(error: unknown): boolean {
  return reasons(error).some(({ message }) => /\bOOM command not allowed\b/.test(message));
}

/** Whether `error` says that Redis cannot be used now. */
export function isRedisUnavailable(error: unknown): boolean {
  return reasons(error).some(({ name, message, code }) => {
    if (name === 'MaxRetriesPerRequestError' || name === 'ClusterAllFailedError') return true;
    return (code !== undefined && unreachable.has(code)) || unanswered.test(message) || refused.test(message);
  });
}

/** The error, and what ioredis has kept beside it: of a transaction that was aborted the errors of its commands say why. */
function reasons(error: unknown): NodeJS.ErrnoException[] {
  if (!(error instanceof Error)) return [];
  const { previousErrors } = error as { readonly previousErrors?: unknown };
  return Array.isArray(previousErrors) ? [error, ...previousErrors.filter((each) => each instanceof Error)] : [error];
}
