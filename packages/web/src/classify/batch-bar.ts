/** Over the grid of many pictures: how far they are, how fast it goes, and what can be done with all of them. */
import { silentSeconds } from '../api/connection.js';
import { wordsFor } from '../api/problem-words.js';
import { h } from '../app/dom.js';
import { icon, type IconName } from '../app/icons.js';
import { orders, type Order } from './arrangement.js';
import { formatSeconds, plural } from './format.js';
import type { Progress } from './progress.js';

export interface BatchActions {
  readonly cancelAll: () => void;
  /** Does not wait until the end of a countdown. */
  readonly hurry: () => void;
  readonly retryFailed: () => void;
  readonly exportCsv: () => void;
  readonly onOrder: (order: Order) => void;
  readonly clear: () => void;
}

export interface BatchBar {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  show(progress: Progress): void;
}

const orderNames: Record<Order, string> = { sent: 'As sent', unsure: 'Unsure first', label: 'Groups by label' };

/** `order`: the one that is chosen at first. */
export function batchBar(actions: BatchActions & { readonly order: Order }): BatchBar {
  const heading = h('h2', { className: 'numbers', tabIndex: -1 });
  const pace = h('p', { className: 'quiet small numbers pace' });
  const meter = h('progress', { className: 'batch-progress', ariaLabel: 'Pictures done' });
  const button = (label: string, name: IconName, onclick: () => void): HTMLButtonElement =>
    h('button', { type: 'button', onclick }, icon(name), h('span', {}, label));
  const why = h('p', { className: 'put-off-text' });
  const putOff = h(
    'div',
    { className: 'banner warn put-off', hidden: true },
    icon('warning'),
    why,
    h('button', { type: 'button', onclick: actions.hurry }, 'Try now'),
  );
  const choice = h('select', {}, ...orders.map((order) => h('option', { value: order }, orderNames[order])));
  choice.value = actions.order;
  choice.addEventListener('change', () => {
    actions.onOrder(orders.find((order) => order === choice.value) ?? 'sent');
  });
  const order = h('label', { className: 'order-choice' }, h('span', { className: 'quiet small' }, 'Order'), choice);
  const cancel = button('Cancel', 'close', actions.cancelAll);
  const retry = button('Retry failed', 'retry', actions.retryFailed);
  const csv = button('Export CSV', 'download', actions.exportCsv);
  const clear = button('Clear', 'close', actions.clear);
  const element = h(
    'section',
    { className: 'batch-bar', ariaLabel: 'All pictures' },
    h(
      'div',
      { className: 'batch-head' },
      h('div', {}, heading, pace),
      h('p', { className: 'actions' }, order, retry, csv, cancel, clear),
    ),
    meter,
    putOff,
  );
  return {
    element,
    heading,
    show(progress) {
      const { total, done, succeeded, failed } = progress;
      heading.textContent = done === total ? plural(total, 'picture') : `${done} of ${total}`;
      pace.textContent = paceText(progress, silentSeconds());
      meter.max = total;
      meter.value = done;
      element.dataset['over'] = String(done === total);
      putOff.hidden = progress.putOff === undefined;
      why.textContent = putOffText(progress, performance.now());
      cancel.hidden = done === total;
      clear.hidden = done < total;
      retry.hidden = failed === 0;
      csv.disabled = succeeded + failed === 0;
    },
  };
}

/** `silentSeconds`: for how long the service has not answered; then there is no pace, and nobody knows the end. */
export function paceText(progress: Progress, silentSeconds?: number): string {
  const { total, done, succeeded, failed, canceled, perSecond, secondsLeft } = progress;
  const isStopped = done < total && silentSeconds !== undefined;
  const parts = done === total ? [`${succeeded} done`] : [];
  if (failed > 0) parts.push(`${failed} failed`);
  if (canceled > 0) parts.push(`${canceled} canceled`);
  if (isStopped) parts.push(`no answer for ${formatSeconds(silentSeconds)}`);
  else if (perSecond !== undefined) parts.push(`${perSecond.toFixed(perSecond < 10 ? 1 : 0)} per second`);
  if (!isStopped && done < total && secondsLeft !== undefined)
    parts.push(`about ${formatSeconds(Math.max(1, secondsLeft))} left`);
  return parts.length === 0 ? 'Beginning' : parts.join(' · ');
}

/** Empty where nothing is put off. `now`: on the clock of performance.now(). */
export function putOffText({ putOff }: Pick<Progress, 'putOff'>, now: number): string {
  if (putOff === undefined) return '';
  const when = putOff.until > now ? `Trying again in ${Math.ceil((putOff.until - now) / 1000)} s` : 'Trying again';
  return `${wordsFor(putOff.failure).title}. ${when}; what was sent goes on.`;
}
