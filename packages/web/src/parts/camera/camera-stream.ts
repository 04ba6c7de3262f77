/** A camera's stream and a picture of it. Whoever opens one closes it: the light beside the lens is on until then. */

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
