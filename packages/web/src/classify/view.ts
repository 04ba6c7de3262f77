/**
 * The classify view: pictures in, five labels out.
 *
 *   idle (the drop area) → single (one large card) → batch (a grid; each opens large) → idle again by "Clear"
 *
 * A run of one is shown as single, of more as batch; each is made anew when the run that it shows begins.
 */
import type { Result } from '@quintet/client';
import { onConnection, silentSeconds } from '../api/connection.js';
import { h } from '../app/dom.js';
import { openCameraDialog } from '../parts/camera/camera-dialog.js';
import type { Toasts } from '../parts/controls/toast.js';
import { downloadText, resultsAsCsv } from '../parts/csv.js';
import { historyView } from '../parts/history/history-view.js';
import type { History } from '../parts/history/history.js';
import type { Order } from './arrangement.js';
import { batchView, type BatchView } from './batch-view.js';
import { fromFiles, type Collected } from './collect.js';
import { Corrections } from './corrections.js';
import { examples } from './examples.js';
import { plural } from './format.js';
import { keepHistory } from './history-keeper.js';
import { intake } from './intake.js';
import { failureOf, isDone, jobOf, type Item } from './item.js';
import { isContradicted, modelBar } from './model-bar.js';
import { progressOf } from './progress.js';
import { resultCard, type CardActions, type ResultCard } from './result-card.js';
import { Run } from './run.js';
import type { Served } from './served.js';
import { announcer, batchAnnouncement, batchTitle, itemAnnouncement, itemTitle } from './texts.js';

/** What there is once for the page, and every view may use. */
export interface PageParts {
  readonly history: History;
  readonly toasts: Toasts;
  /** The models. */
  readonly served: Served;
  /** Says in the window's title what the view shows; `Quintet` where it is empty. Of a view that is hidden it waits. */
  readonly title: (text: string) => void;
}

type Stage =
  | { readonly kind: 'idle' }
  | { readonly kind: 'single'; readonly id: string; readonly card: ResultCard }
  | { readonly kind: 'batch'; readonly first: string; readonly view: BatchView };

/** Fills `host`, once; what runs in it goes on while another view is shown. */
export function classifyView(host: HTMLElement, { history, toasts, served, title }: PageParts): void {
  const run = new Run();
  const corrections = new Corrections(run.store, history);
  const speaker = announcer();
  const models = modelBar(served, (model) => {
    run.settings.model = model;
  });
  const stageHost = h('div', { className: 'stage' });
  const told = h('p', { className: 'quiet small told', role: 'status' });
  let stage: Stage = { kind: 'idle' };
  let order: Order = 'sent';

  const card = (): CardActions => ({
    cancel: (id) => {
      run.cancel(id);
    },
    retry: (id) => {
      run.retry(id);
    },
    hurry: () => {
      run.hurry();
    },
    explain: (id) => void run.explain(id),
    onToggle: (isOn) => {
      run.settings.explain = isOn;
    },
    preprocessOf: (model) => served.find(model)?.preprocess,
    isExplainable: (model) => served.find(model)?.explainable === true,
    startsExplained: run.settings.explain,
    correct: (item, correction) => corrections.save(item, correction),
    thumbnail: (job) => history.find(job)?.thumbnail,
  });

  const collect = ({ files, urls, leftOut }: Collected): void => {
    told.textContent =
      leftOut === 0
        ? ''
        : `${plural(leftOut, 'file')} left out that ${leftOut === 1 ? 'is no picture' : 'are no pictures'}.`;
    if (files.length + urls.length === 0 && leftOut === 0) told.textContent = 'There was no picture in that.';
    run.submit({ files, urls });
  };
  const input = intake({
    onCollected: collect,
    onCamera: () => {
      openCameraDialog({
        onPicture: (picture) => {
          collect(fromFiles([picture], false));
        },
      });
    },
    isShown: () => !host.hidden,
  });

  const tryOut = examples({
    onChosen: (picture) => {
      collect(fromFiles([picture], false));
    },
    onFailure: (reason) => {
      told.textContent = reason;
    },
  });

  const enter = (): void => {
    const items = run.store.all();
    const [first] = items;
    if (first === undefined) stage = { kind: 'idle' };
    else if (items.length === 1) stage = { kind: 'single', id: first.id, card: resultCard(card()) };
    else {
      const view = batchView({
        store: run.store,
        card,
        order,
        onOrder: (next) => {
          order = next;
        },
        look: (id) => {
          run.look(id);
        },
        cancelAll: () => {
          run.cancelAll();
        },
        hurry: () => {
          run.hurry();
        },
        retryFailed: () => {
          run.retryFailed();
        },
        exportCsv: () => {
          downloadText('quintet-results.csv', resultsAsCsv(run.store.all().map(resultOf)), 'text/csv');
        },
        clear: () => {
          run.clear();
          input.focus();
        },
      });
      stage = { kind: 'batch', first: first.id, view };
      view.update(new Set(items.map(({ id }) => id)), progressOf(items, performance.now()));
    }
    input.setMode(stage.kind === 'idle' ? 'hero' : 'strip');
    host.dataset['stage'] = stage.kind;
    stageHost.replaceChildren(
      ...(stage.kind === 'idle' ? [] : [stage.kind === 'single' ? stage.card.element : stage.view.element]),
    );
  };
  const isCurrent = (): boolean => {
    const [first, second] = run.store.all();
    if (stage.kind === 'single') return stage.id === first?.id && second === undefined;
    if (stage.kind === 'batch') return stage.first === first?.id && second !== undefined;
    return first === undefined;
  };
  const update = (changed: ReadonlySet<string>): void => {
    const isNew = !isCurrent();
    const items = run.store.all();
    const isSilent = silentSeconds() !== undefined;
    models.update(items);
    if (isNew) enter();
    if (stage.kind === 'idle') title('');
    else if (stage.kind === 'single') {
      const item = run.store.get(stage.id);
      if (item === undefined) return;
      stage.card.show(item);
      speaker.say(itemAnnouncement(item));
      title(itemTitle(item, isSilent));
      if (isNew && !host.hidden) bringUp(stage.card.heading);
    } else {
      const progress = progressOf(items, performance.now());
      stage.view.update(changed, progress);
      speaker.say(batchAnnouncement(progress));
      title(batchTitle(progress, isSilent));
      if (isNew && !host.hidden) bringUp(stage.view.heading);
    }
  };
  const updateMoving = (): void => {
    const moving = run.store.all().filter((item) => !isDone(item));
    if (moving.length > 0) update(new Set(moving.map(({ id }) => id)));
  };
  run.store.onChange((changed) => {
    update(changed);
    if (
      isContradicted(
        served,
        [...changed].flatMap((id) => run.store.get(id) ?? []),
      )
    )
      served.refresh();
  });
  onConnection(updateMoving);
  served.onChange(() => {
    update(new Set(run.store.all().map(({ id }) => id)));
  });
  // Countdowns, and the pace of a run that stands still.
  window.setInterval(updateMoving, 1000);

  host.append(
    h('h1', { className: 'view-title' }, 'What is in this picture?'),
    models.notices,
    input.element,
    tryOut,
    models.element,
    told,
    stageHost,
    speaker.element,
  );
  historyView(host, { history, toasts });
  const keeper = keepHistory(run.store, history);
  const reserve = (): void => {
    const [item, other] = run.store.all();
    const job = item === undefined ? undefined : jobOf(item);
    const isComing = item !== undefined && (!isDone(item) || job?.status === 'succeeded') && !keeper.hasKept(item.id);
    host.dataset['awaiting'] = String(isComing && other === undefined);
  };
  history.onChange(reserve);
  history.onChange(() => {
    run.restorePreviews((job) => history.find(job)?.thumbnail);
  });
  run.store.onChange(reserve);
  enter();
  run.resume();
  if (run.lost > 0) {
    told.textContent = `${plural(run.lost, 'picture')} had not been sent when the page was loaded again; choose ${run.lost === 1 ? 'it' : 'them'} again.`;
  }
  served.start();
}

/** Puts the focus on the heading of what is shown now, and scrolls to it only where it would not be seen. */
function bringUp(heading: HTMLElement): void {
  heading.focus({ preventScroll: true });
  const { top, bottom } = heading.getBoundingClientRect();
  if (top < 0 || bottom > window.innerHeight) heading.scrollIntoView({ block: 'center' });
}

function resultOf(item: Item, index: number): Result {
  return { index, name: item.name, job: jobOf(item), error: failureOf(item) };
}
