/** The committed Grafana dashboard, as far as its queries and layout go. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const repositoryFile = (path: string): URL => new URL(`../../${path}`, import.meta.url);

const datasource = z.object({ type: z.literal('prometheus'), uid: z.string() });
const target = z.object({ refId: z.string(), expr: z.string().min(1), datasource });
const gridPos = z.object({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(1), h: z.int().min(1) });

const panel = z.object({
  id: z.int(),
  type: z.enum(['row', 'stat', 'timeseries', 'table']),
  title: z.string().min(1),
  gridPos,
  targets: z.array(target).default([]),
});
export type Panel = z.infer<typeof panel>;

const dashboardSchema = z.object({
  uid: z.literal('quintet'),
  title: z.string(),
  schemaVersion: z.int().min(36),
  panels: z.array(panel).min(1),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), definition: z.string(), allValue: z.string(), datasource })),
  }),
});
export type Dashboard = z.infer<typeof dashboardSchema>;

export function readDashboard(): Dashboard {
  return dashboardSchema.parse(
    JSON.parse(readFileSync(repositoryFile('deploy/grafana/dashboards/quintet.json'), 'utf8')),
  );
}

export interface Query {
  readonly panel: string;
  readonly expression: string;
}

/** Each panel's queries with Grafana's variables filled in as it does: every model, and a window of `window`. */
export function queriesOf(dashboard: Dashboard, window = '1m'): Query[] {
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expression: expr.replaceAll('$__rate_interval', window).replaceAll('$model', '.*'),
    })),
  );
}
