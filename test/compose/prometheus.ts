/** Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/ */
import { z } from 'zod';

const targets = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ labels: z.object({ job: z.string() }), scrapeUrl: z.string(), health: z.string() }),
    ),
  }),
});

/** Number of replicas that are scraped with success, by job. */
export async function upTargets(prometheus: string): Promise<Record<string, number>> {
  const response = await fetch(`${prometheus}/api/v1/targets?state=active`);
  const { data } = targets.parse(await response.json());
  const up: Record<string, number> = {};
  for (const { labels, health } of data.activeTargets) {
    if (health === 'up') up[labels.job] = (up[labels.job] ?? 0) + 1;
  }
  return up;
}

const vector = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
});

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The value of a PromQL expression now; throws what Prometheus says of a wrong one. */
export async function instantQuery(prometheus: string, expression: string): Promise<Sample[]> {
  const response = await fetch(`${prometheus}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expression }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${expression}: ${text}`);
  return vector.parse(JSON.parse(text)).data.result.map(({ metric, value: [, value] }) => ({
    labels: metric,
    value: Number(value),
  }));
}
