/**
 * The large card of one picture: where it is on its way, then its five bars, how long it took, what answered.
 *
 * Everything that comes with the result has its place from the start: the frame has a fixed height, headline and bars
 * have their lines, so nothing moves when it arrives.
 */
import { formatScore, hasEnded, type Job } from '@quintet/client';
import { storedKey } from '../api/api-key.js';
import { silentSeconds } from '../api/connection.js';
import { failureNote, toFailure } from '../api/failure.js';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { headlineOf } from '../app/score.js';
import { shareView } from '../parts/share/share-view.js';
import { snippetsView } from '../parts/snippets/snippets-view.js';
import type { SnippetRequest } from '../parts/snippets/snippets.js';
import { wrongView, type CorrectionRequest } from '../parts/wrong/wrong-view.js';
import { bars } from './bars.js';
import { labelsOf } from './corrections.js';
import { explainControl, type ExplainActions } from './explain-control.js';
import { facts } from './facts.js';
import { baseName } from './format.js';
import { canRetry, failureOf, isDone, jobOf, needsKey, phaseOf, type Item } from './item.js';
import { picture } from './picture.js';
import type { Preprocess } from './served.js';
import { statusText } from './texts.js';

export interface CardActions extends ExplainActions {
  readonly cancel: (id: string) => void;
  readonly retry: (id: string) => void;
  /** Does not wait until the end of a countdown. */
  readonly hurry: () => void;
  /** What this model sees of a picture, where it is known; undefined names the default. */
  readonly preprocessOf: (model: string | undefined) => Preprocess | undefined;
  /** Whether this model can be explained. */
  readonly isExplainable: (model: string | undefined) => boolean;
  readonly startsExplained: boolean;
  /** Says what the picture of the item really shows; undefined takes it back. */
  readonly correct: (item: Item, correction: CorrectionRequest | undefined) => Promise<Job>;
  /** A small picture that this browser has kept of a result. */
  readonly thumbnail: (job: string) => Blob | undefined;
}

export interface ResultCard {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  show(item: Item): void;
}

export function resultCard(actions: CardActions): ResultCard {
  const image = picture();
  const heading = h('h2', { className: 'headline', tabIndex: -1 });
  const confidence = h('p', { className: 'confidence quiet' });
  const progress = h('progress', { className: 'upload', max: 1 });
  const list = bars();
  const note = h('div', { className: 'card-note' });
  const about = h('div', { className: 'card-facts' });
  const more = h('div', { className: 'card-more' });
  const buttons = h('p', { className: 'card-actions' });
  const explain = explainControl(image, actions, actions.startsExplained);
  const name = h('span', { className: 'file-name' });
  const caption = h('figcaption', { className: 'small quiet caption' }, name, image.note);
  const element = h(
    'article',
    { className: 'card' },
    h('header', { className: 'card-head' }, heading, buttons, confidence, progress),
    h('figure', { className: 'card-picture' }, image.element, caption, explain.element),
    h('div', { className: 'card-result' }, note, list.element, about),
    more,
  );
  let told: string | undefined;
  let updateMore: ((job: Job) => void) | undefined;

  const show = (item: Item): void => {
    const job = jobOf(item);
    const phase = phaseOf(item);
    const failure = failureOf(item) ?? (item.state.kind === 'pausing' ? item.state.failure : undefined);
    const top = job?.predictions?.[0];
    element.dataset['phase'] = phase;
    element.ariaBusy = isDone(item) ? 'false' : 'true';
    const model = job?.model.name ?? item.model;
    image.show(item);
    image.crop(actions.preprocessOf(model));
    name.textContent = baseName(item.name);
    name.title = item.name;
    heading.textContent = top === undefined ? statusText(item, performance.now(), silentSeconds()) : headlineOf(top);
    confidence.textContent = top === undefined ? '' : `${formatScore(top.score)} sure`;
    progress.hidden = isDone(item);
    setProgress(progress, item);
    list.element.hidden = failure !== undefined;
    list.show(job?.predictions);
    note.replaceChildren(...(failure === undefined ? [] : [failureNote(failure, item.state.kind === 'pausing')]));
    explain.show(item, actions.isExplainable(model));
    buttons.replaceChildren(...buttonsFor(item, actions));
    if (job === undefined || !hasEnded(job)) {
      about.replaceChildren();
      more.replaceChildren();
      told = updateMore = undefined;
    } else if (told !== job.id) {
      told = job.id;
      about.replaceChildren(...(job.status === 'succeeded' ? [facts(job, secondsOf(item))] : []));
      more.replaceChildren();
      updateMore = job.status === 'succeeded' ? resultMore(more, item, actions) : undefined;
    } else {
      updateMore?.(job);
    }
  };
  return { element, heading, show };
}

/** From the submission to the result, as this page saw it; undefined where it did not see it. */
function secondsOf({ answeredIn, chosenAt, doneAt, source }: Item): number | undefined {
  if (doneAt === undefined || source.kind === 'gone') return undefined;
  return answeredIn ?? (doneAt - chosenAt) / 1000;
}

/** What is sent, as far as it is; then, without an end in sight, that it is under way. */
function setProgress(progress: HTMLProgressElement, { state }: Item): void {
  progress.setAttribute('aria-label', 'Progress of this picture');
  if (state.kind === 'uploading' && state.fraction < 1) progress.value = state.fraction;
  else if (state.kind === 'waiting' || state.kind === 'pausing') progress.value = 0;
  else progress.removeAttribute('value');
}

function buttonsFor(item: Item, actions: CardActions): HTMLElement[] {
  const button = (label: string, name: 'close' | 'retry', action: () => void, className = ''): HTMLElement =>
    h('button', { type: 'button', className, onclick: action }, icon(name), label);
  if (!isDone(item)) {
    const now = button('Try now', 'retry', actions.hurry);
    const cancel = button('Cancel', 'close', () => {
      actions.cancel(item.id);
    });
    return item.state.kind === 'pausing' ? [now, cancel] : [cancel];
  }
  if (!canRetry(item)) return [];
  const again = (): void => {
    actions.retry(item.id);
  };
  return [button(retryLabel(item), 'retry', again, 'primary')];
}

function retryLabel(item: Item): string {
  if (needsKey(item)) return 'Enter an API key';
  return phaseOf(item) === 'canceled' ? 'Send it after all' : 'Try again';
}

/**
 * Below a result: what is wrong with it, the link to it, and how to do the same from code. Returns what it is given
 * later states of the job by.
 */
function resultMore(host: HTMLElement, item: Item, { correct, thumbnail }: CardActions): (job: Job) => void {
  const job = jobOf(item);
  if (job === undefined) return () => undefined;
  const first = job.predictions?.[0];
  const { source, model, explain, name } = item;
  const update = wrongView(host, {
    job,
    save: (correction) => correct(item, correction),
    labels: () => labelsOf(job.model.name),
    explain: (error) => failureNote(toFailure(error)),
  });
  const needsKey = storedKey() !== undefined;
  const share = h('section', { ariaLabel: 'Share' }, h('h3', {}, 'Link to this result'));
  shareView(share, {
    id: job.id,
    label: first === undefined ? undefined : headlineOf(first),
    needsKey,
    picture: () => (source.kind === 'file' ? source.blob : thumbnail(job.id)),
  });
  const request: SnippetRequest = {
    baseUrl: new URL('.', document.baseURI).href,
    picture: source.kind === 'url' ? { url: source.url } : { name: source.kind === 'file' ? name : 'photo.jpg' },
    options: { model, explain: explain || undefined },
    needsKey,
  };
  const code = h('div', { className: 'code-area' });
  const details = h('details', { className: 'code' }, h('summary', {}, 'How to do this from code'), code);
  // Six programs are not written for whoever does not ask.
  details.addEventListener(
    'toggle',
    () => {
      snippetsView(code, { request, job });
    },
    { once: true },
  );
  host.append(share, details);
  return update;
}
