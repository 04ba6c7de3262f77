/** Images per second: now, and over the last minute as an area; how the jobs of that minute ended. */
import type { Operations } from '@quintet/client';
import { h, svg } from '../app/dom.js';
import { formatCount, formatRate, nothing } from './format.js';
import { changing, section, tally, type Panel } from './panel.js';

const frame = { width: 600, height: 120 };
const endings = ['succeeded', 'failed', 'canceled', 'expired'] as const;

export function throughputPanel(): Panel {
  const now = changing('strong', 'figure numbers');
  const minute = changing('p', 'quiet numbers');
  const tallies = endings.map((ending) => ({ ending, ...tally(ending) }));
  const chart = throughputChart();
  const element = section(
    'Throughput',
    'throughput',
    h(
      'div',
      { className: 'lead' },
      h('div', {}, h('p', {}, now.element, ' images/s'), minute.element),
      h('dl', { className: 'tallies' }, ...tallies.map((each) => each.element)),
    ),
    chart.element,
  );
  const show = (data: Operations | undefined): void => {
    const throughput = data?.throughput;
    const rates = ratesOf(data);
    now.set(throughput === undefined ? nothing : formatRate(rates.all.at(-1) ?? 0));
    minute.set(throughput === undefined ? nothing : `${formatRate(throughput.per_second)}/s over the last minute`);
    for (const { ending, set } of tallies) set(throughput === undefined ? nothing : formatCount(throughput[ending]));
    chart.show(rates);
  };
  return { element, show };
}

interface Rates {
  /** Jobs per second of each step, oldest first. */
  readonly all: readonly number[];
  readonly failed: readonly number[];
}

function ratesOf(data: Operations | undefined): Rates {
  const history = data?.throughput.history ?? [];
  const seconds = (data?.window_seconds ?? 60) / Math.max(1, history.length);
  return {
    all: history.map(({ succeeded, failed }) => (succeeded + failed) / seconds),
    failed: history.map(({ failed }) => failed / seconds),
  };
}

function throughputChart(): { element: HTMLElement; show: (rates: Rates) => void } {
  const area = svg('path', { class: 'area' });
  const line = svg('path', { class: 'line' });
  const failed = svg('path', { class: 'failed' });
  const grid = svg('path', {
    class: 'grid',
    d: `M0 ${frame.height / 2}H${frame.width}M0 ${frame.height}H${frame.width}`,
  });
  const viewBox = `0 0 ${frame.width} ${frame.height}`;
  const picture = svg('svg', { viewBox, preserveAspectRatio: 'none', role: 'img' }, grid, area, failed, line);
  const top = changing('span', 'numbers');
  const show = ({ all, failed: failures }: Rates): void => {
    const most = Math.max(0, ...all);
    const scaled = { ...frame, max: niceMax(most) };
    const known = all.length > 0;
    draw(area, known ? areaPath(all, scaled) : '');
    draw(line, known ? linePath(all, scaled) : '');
    draw(failed, failures.some((rate) => rate > 0) ? areaPath(failures, scaled) : '');
    top.set(known ? `${scaled.max}/s` : nothing);
    const [latest = 0] = all.slice(-1);
    const told = `between ${formatRate(Math.min(...all))} and ${formatRate(most)}, now ${formatRate(latest)}`;
    picture.setAttribute('aria-label', `Images per second over the last minute: ${known ? told : 'not known'}`);
  };
  const element = h(
    'figure',
    { className: 'chart' },
    h('p', { className: 'top', ariaHidden: 'true' }, top.element),
    picture,
    h('p', { className: 'times', ariaHidden: 'true' }, h('span', {}, '1 min ago'), h('span', {}, 'now')),
  );
  return { element, show };
}

/** Also as a property of style, which browsers that can move from one shape to the next do. */
function draw(path: SVGPathElement, data: string): void {
  path.setAttribute('d', data);
  path.style.setProperty('d', data === '' ? 'none' : `path("${data}")`);
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** The value at the upper edge. */
  readonly max: number;
}

/**
 * The least round number that is not below `value`: 1, 2, 3, 4, 6 or 8 times a power of ten. 1 where there is nothing
 * to show.
 */
export function niceMax(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 3, 4, 6, 8].find((factor) => factor * power >= value * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(1));
}

/** A line through `values`, the first at the left edge and the last at the right. */
export function linePath(values: readonly number[], frame: Frame): string {
  return `M${pointsOf(values, frame).join('L')}`;
}

/** What is below that line. */
export function areaPath(values: readonly number[], frame: Frame): string {
  const { width, height } = frame;
  return `M0 ${height}L${pointsOf(values, frame).join('L')}L${width} ${height}Z`;
}

function pointsOf(values: readonly number[], { width, height, max }: Frame): string[] {
  const step = width / Math.max(1, values.length - 1);
  return values.map((value, index) => `${round(index * step)} ${round(height * (1 - Math.min(1, value / max)))}`);
}

const round = (value: number): number => Math.round(value * 100) / 100;
