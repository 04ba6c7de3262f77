/** Which metrics the services have, and which a PromQL expression asks for: the two sides that a dashboard must agree on. */
import {
  Registry,
  createApiMetrics,
  createServiceMetrics,
  createWebhookMetrics,
  createWorkerMetrics,
} from '@quintet/shared';
import { z } from 'zod';

/** What Prometheus itself adds to each sample. */
const scrapeLabels = ['job', 'instance'];

// prom-client keeps the label names of a metric but does not publish them in its types.
const registered = z.object({
  name: z.string(),
  type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
  labelNames: z.array(z.string()).default([]),
});

/** Name of each time series → the labels it may carry; histograms under `_bucket`, `_sum` and `_count`. */
export function knownSeries(): Map<string, ReadonlySet<string>> {
  const { registry, stop } = createServiceMetrics({ service: 'test', version: '0' });
  stop();
  const own = new Registry();
  createApiMetrics(own);
  createWorkerMetrics(own);
  createWebhookMetrics(own);
  const series = new Map<string, ReadonlySet<string>>([['up', new Set(scrapeLabels)]]);
  for (const metric of [...registry.getMetricsAsArray(), ...own.getMetricsAsArray()]) {
    const { name, type, labelNames } = registered.parse(metric);
    const labels = [...labelNames, ...scrapeLabels];
    if (type === 'histogram') {
      series.set(`${name}_bucket`, new Set([...labels, 'le']));
      series.set(`${name}_sum`, new Set(labels));
      series.set(`${name}_count`, new Set(labels));
    } else {
      series.set(name, new Set(labels));
    }
  }
  return series;
}

export interface Demand {
  readonly series: string;
  /** Labels in the selector of the series. */
  readonly labels: readonly string[];
}

const grouping = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const selector = /\b(quintet_\w+|up)\b(?:\{([^}]*)\})?/g;
const label = /(\w+)\s*(?:=~|!~|!=|=)/g;

/** The series that an expression reads, and the labels that it groups by. */
export function demandsOf(expression: string): { demands: Demand[]; groupedBy: string[] } {
  const groupedBy = [...expression.matchAll(grouping)].flatMap((match) => names(match[1] ?? ''));
  const demands = [...expression.replace(grouping, '').matchAll(selector)].map(([, series = '', inner = '']) => ({
    series,
    labels: [...inner.replace(/"[^"]*"/g, '""').matchAll(label)].map((match) => match[1] ?? ''),
  }));
  return { demands, groupedBy };
}

function names(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
