/** What to tell somebody whose camera does not come: by the name of what getUserMedia was rejected with. */

export interface CameraProblem {
  readonly title: string;
  readonly text: string;
  /** Whether to try once more may help without a reload. */
  readonly retryable: boolean;
}

const insecure: CameraProblem = {
  title: 'The camera needs a secure address',
  text: 'Browsers give pages a camera over https only, or on this machine itself (localhost). Choose a file instead: on a phone that can be a new photo.',
  retryable: false,
};

const problems: Readonly<Record<string, CameraProblem>> = {
  NotAllowedError: {
    title: 'The camera was not allowed',
    text: 'Allow it for this page: in most browsers by the icon at the left of the address. The picture goes nowhere before you have taken it.',
    retryable: true,
  },
  NotFoundError: {
    title: 'There is no camera',
    text: 'This device has none, or the system hides it from the browser. Plug one in and try again, or choose a file.',
    retryable: true,
  },
  NotReadableError: {
    title: 'The camera is in use',
    text: 'Another program, or another tab, has it. Close that one and try again.',
    retryable: true,
  },
  OverconstrainedError: {
    title: 'This camera is gone',
    text: 'It was unplugged or cannot do what is needed. Try again to have another one.',
    retryable: true,
  },
};

/** `isSecure` is the page's isSecureContext: where it is false there is no getUserMedia at all, and no better error. */
export function cameraProblem(error: unknown, isSecure: boolean): CameraProblem {
  if (!isSecure) return insecure;
  const name = error instanceof Error ? error.name : '';
  const more = error instanceof Error && error.message !== '' ? ` The browser says: ${error.message}` : '';
  return (
    // SecurityError is what some say for a page that a policy or the user's settings keep from every camera.
    problems[name === 'SecurityError' ? 'NotAllowedError' : name] ?? {
      title: 'The camera does not work',
      text: `Try again, or choose a file.${more}`,
      retryable: true,
    }
  );
}
