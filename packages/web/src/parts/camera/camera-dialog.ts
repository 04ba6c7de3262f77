/**
 * The webcam: a dialog that shows what the camera sees, and gives one picture of it.
 *
 * States: asking (the browser asks the person) → seeing → taken (the dialog closes) | refused → asking (try again, or another
 * camera). From each of them the dialog can be closed.
 * Invariant: while no dialog is open no camera runs. A stream that arrives after its dialog has closed, or after another camera
 * was chosen, is stopped at once; so is one that runs when the view is left (`signal`).
 */
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';
import {
  cameraProblem,
  closeCamera,
  deviceOf,
  listCameras,
  looksAtReader,
  openCamera,
  takePicture,
} from './camera-stream.js';

export interface CameraOptions {
  /** Called once at most, with a JPEG. */
  readonly onPicture: (picture: File) => void;
  /** Closes the dialog. */
  readonly signal?: AbortSignal | undefined;
}

/** Opens the dialog over the page; it removes itself. */
export function openCameraDialog({ onPicture, signal }: CameraOptions): void {
  const video = h('video', { muted: true, playsInline: true, autoplay: true, className: 'camera-video' });
  video.setAttribute('aria-label', 'What the camera sees');
  const message = h('div', { className: 'camera-message', role: 'status' });
  const choice = h('select', { ariaLabel: 'Camera' });
  const field = h('label', { className: 'field', hidden: true }, h('span', {}, 'Camera'), choice);
  const take = h('button', { type: 'button', className: 'primary', disabled: true }, icon('camera'), 'Take picture');
  const cancel = h('button', { type: 'button' }, 'Cancel');
  const dialog = h(
    'dialog',
    { className: 'dialog camera' },
    h('h2', { id: 'camera-title' }, 'Take a picture'),
    h('div', { className: 'camera-frame' }, video, message),
    field,
    h('p', { className: 'actions' }, cancel, take),
  );
  dialog.setAttribute('aria-labelledby', 'camera-title');

  let stream: MediaStream | undefined;
  /** Counts openings: what an earlier one brings is not wanted any more. */
  let opening = 0;

  const stop = (): void => {
    opening += 1;
    closeCamera(stream);
    stream = undefined;
    video.srcObject = null;
    take.disabled = true;
  };

  const start = async (device?: string): Promise<void> => {
    stop();
    const mine = opening;
    message.replaceChildren(h('p', { className: 'quiet' }, 'Waiting for the camera…'));
    try {
      const opened = await openCamera(device);
      if (mine !== opening) {
        closeCamera(opened);
        return;
      }
      stream = opened;
      video.classList.toggle('mirrored', looksAtReader(opened));
      video.srcObject = opened;
      // Unplugged, or taken away by the system.
      opened.getVideoTracks()[0]?.addEventListener('ended', () => {
        if (stream === opened) refuse(new DOMException('', 'OverconstrainedError'));
      });
      await fillChoice(choice, field, deviceOf(opened));
    } catch (error) {
      if (mine === opening) refuse(error);
    }
  };

  const refuse = (error: unknown): void => {
    stop();
    const { title, text, retryable } = cameraProblem(error, isSecureContext);
    const retry = h('button', { type: 'button' }, icon('retry'), 'Try again');
    retry.addEventListener('click', () => void start());
    message.replaceChildren(h('p', {}, h('strong', {}, title)), h('p', {}, text), ...(retryable ? [retry] : []));
  };

  video.addEventListener('playing', () => {
    message.replaceChildren();
    take.disabled = false;
    take.focus();
  });
  choice.addEventListener('change', () => void start(choice.value));
  cancel.addEventListener('click', () => {
    dialog.close();
  });
  take.addEventListener('click', () => {
    take.disabled = true;
    takePicture(video).then((blob) => {
      if (!dialog.open) return;
      dialog.close();
      onPicture(new File([blob], 'camera.jpg', { type: blob.type }));
    }, refuse);
  });
  const close = (): void => {
    dialog.close();
  };
  signal?.addEventListener('abort', close);
  dialog.addEventListener('close', () => {
    stop();
    signal?.removeEventListener('abort', close);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  void start();
}

/** There is something to choose where there are two. */
async function fillChoice(choice: HTMLSelectElement, field: HTMLElement, current: string | undefined): Promise<void> {
  const cameras = await listCameras();
  choice.replaceChildren(...cameras.map(({ id, name }) => h('option', { value: id, selected: id === current }, name)));
  field.hidden = cameras.length < 2;
}
