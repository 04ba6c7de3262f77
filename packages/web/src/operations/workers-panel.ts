/**
 * The workers that live, one in a row; on a narrow screen, where a row has no room, each as a block of named values. The
 * roles are written out, since a table that is laid out as something else is no table to screen readers any more.
 * A row is made when its worker appears, and changed as long as it lives: what somebody reads does not jump.
 */
import type { Operations } from '@quintet/client';
import { h } from '../app/dom.js';
import { formatBytes, formatCount, formatDuration, formatRate, formatShare, nothing } from './format.js';
import { changing, columnHeader, hiddenCaption, meter, section, type Panel } from './panel.js';

type WorkerState = Operations['workers'][number];

const columns = ['Worker', 'Model', 'Device', 'Load', 'Jobs', 'Images/s', 'Memory', 'Up for'] as const;
type Column = (typeof columns)[number];
const numeric: readonly Column[] = ['Jobs', 'Images/s', 'Memory', 'Up for'];

interface Row {
  readonly element: HTMLElement;
  show(worker: WorkerState, nowMs: number): void;
}

export function workersPanel(): Panel {
  const rows = new Map<string, Row>();
  const count = changing('span', 'quiet numbers');
  const body = withRole('rowgroup', h('tbody'));
  const none = h('p', { className: 'quiet none', textContent: 'None lives.', hidden: true });
  const headers = columns.map((name) => withRole('columnheader', columnHeader(name, classOf(name))));
  const head = withRole('rowgroup', h('thead', {}, withRole('row', h('tr', {}, ...headers))));
  const table = withRole('table', h('table', {}, hiddenCaption('The workers that live'), head, body));
  const element = section('Workers', 'workers', table, none);
  element.querySelector('h2')?.append(' ', count.element);
  const show = (data: Operations | undefined): void => {
    const workers = data?.workers ?? [];
    count.set(data === undefined ? nothing : formatCount(workers.length));
    none.hidden = data === undefined || workers.length > 0;
    for (const [id, row] of rows) {
      if (workers.some((worker) => worker.id === id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    for (const worker of workers) {
      let row = rows.get(worker.id);
      if (row === undefined) {
        row = workerRow(worker);
        rows.set(worker.id, row);
        // They come oldest first, so a new one is the last.
        body.append(row.element);
      }
      row.show(worker, Date.parse(data?.at ?? ''));
    }
  };
  return { element, show };
}

function workerRow({ id, model, device }: WorkerState): Row {
  const load = meter(`Load of ${id}`);
  const share = changing('span', 'numbers');
  const values = {
    Jobs: changing('span', 'numbers'),
    'Images/s': changing('span', 'numbers'),
    Memory: changing('span', 'numbers'),
    'Up for': changing('span', 'numbers'),
  };
  const weights = h('span', { className: 'weights', hidden: true, textContent: 'demo weights' });
  const name = h('span', { textContent: model.name });
  const content: Record<Column, HTMLElement> = {
    Worker: h('span', { textContent: id }),
    Model: h('span', { className: 'model' }, name, ' ', weights),
    Device: h('span', { textContent: device }),
    Load: h('span', { className: 'load' }, load, share.element),
    Jobs: values.Jobs.element,
    'Images/s': values['Images/s'].element,
    Memory: values.Memory.element,
    'Up for': values['Up for'].element,
  };
  const cells = columns.map((column) => cellOf(column, content[column]));
  const show = (worker: WorkerState, nowMs: number): void => {
    name.textContent = worker.model.name;
    name.title = worker.model.version ?? '';
    weights.hidden = worker.model.weights !== 'demo';
    load.value = worker.load ?? 0;
    share.set(known(worker.load, formatShare));
    values.Jobs.set(known(worker.active, formatCount));
    values['Images/s'].set(worker.rate === 0 ? nothing : formatRate(worker.rate));
    values.Memory.set(known(worker.memory_bytes, formatBytes));
    values['Up for'].set(formatDuration((nowMs - Date.parse(worker.since)) / 1000));
  };
  return { element: withRole('row', h('tr', {}, ...cells)), show };
}

function cellOf(column: Column, content: HTMLElement): HTMLElement {
  const cell =
    column === 'Worker'
      ? withRole('rowheader', h('th', { scope: 'row' }, content))
      : withRole('cell', h('td', { className: classOf(column) }, content));
  // Shown before the value where there are no columns.
  cell.dataset['label'] = column;
  return cell;
}

function classOf(column: Column): string {
  return numeric.includes(column) ? 'number' : '';
}

function withRole<E extends HTMLElement>(role: string, element: E): E {
  element.setAttribute('role', role);
  return element;
}

function known(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? nothing : format(value);
}
