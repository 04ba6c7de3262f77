/**
 * A camera's stream, a picture of it, and what to say where there is none. Whoever opens one closes it: the light
 * beside the lens is on until then.
 */

/** Seen by a model that looks at 224 × 224 pixels: more than this is upload time for nothing. */
const ideal = { width: { ideal: 1280 }, height: { ideal: 960 } };
const jpegQuality = 0.92;

/** Without a device the one that looks away from the reader, where there are two. Rejects as getUserMedia does. */
export function openCamera(deviceId?: string): Promise<MediaStream> {
  const which = deviceId === undefined ? { facingMode: { ideal: 'environment' } } : { deviceId: { exact: deviceId } };
  return navigator.mediaDevices.getUserMedia({ video: { ...ideal, ...which }, audio: false });
}

export function closeCamera(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** The cameras by name; names are known only once one of them was allowed. */
export async function listCameras(): Promise<{ readonly id: string; readonly name: string }[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '')
    .map(({ deviceId, label }, index) => ({ id: deviceId, name: label === '' ? `Camera ${index + 1}` : label }));
}

export function deviceOf(stream: MediaStream): string | undefined {
  return stream.getVideoTracks()[0]?.getSettings().deviceId;
}

/** Whether it looks at the reader: shown as in a mirror then, and taken as it is. */
export function looksAtReader(stream: MediaStream): boolean {
  return stream.getVideoTracks()[0]?.getSettings().facingMode === 'user';
}

/** What the video shows now, as JPEG. Rejects where it shows nothing yet. */
export async function takePicture(video: HTMLVideoElement): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', jpegQuality);
  });
  if (blob === null) throw new Error('The camera has shown nothing yet.');
  return blob;
}

/** What to tell somebody whose camera does not come. */
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

/**
 * By the name of what getUserMedia was rejected with. `isSecure` is the page's isSecureContext: where it is false there
 * is no getUserMedia at all, and no better error.
 */
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
