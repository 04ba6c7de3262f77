/** The dashboard asks only for what the services measure. No container is needed to know that. */
import { describe, expect, it } from 'vitest';
import { queriesOf, readDashboard, type Panel } from './dashboard.js';
import { demandsOf, knownSeries } from './metric-names.js';

const dashboard = readDashboard();
const queries = queriesOf(dashboard);
const series = knownSeries();

const overlap = (a: Panel['gridPos'], b: Panel['gridPos']): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

describe('the Grafana dashboard', () => {
  it.each(queries)('$panel: $expression', ({ expression }) => {
    const { demands, groupedBy } = demandsOf(expression);
    expect(demands.length).toBeGreaterThan(0);
    for (const { series: name, labels } of demands) {
      const known = series.get(name);
      expect(known, `${name} is measured`).toBeDefined();
      for (const label of [...labels, ...groupedBy]) expect([...(known ?? [])], `labels of ${name}`).toContain(label);
    }
    expect(expression, 'every Grafana variable is known').not.toContain('$');
  });

  it('asks for quantiles so that replicas add up: by le, over the buckets of all of them', () => {
    const quantiles = queries.filter(({ expression }) => expression.includes('histogram_quantile'));
    expect(quantiles.length).toBeGreaterThan(0);
    for (const { expression } of quantiles) {
      expect(expression).toMatch(/histogram_quantile\(0\.\d+, sum by \([^)]*\ble\b[^)]*\) \(rate\(\w+_bucket/);
    }
  });

  it('takes the depth of a queue once, however many replicas of the API tell it', () => {
    const depths = queries.filter(({ expression }) => expression.includes('quintet_queue_depth'));
    expect(depths.length).toBeGreaterThan(0);
    for (const { expression } of depths) expect(expression).toMatch(/max by \(queue, state\) \(quintet_queue_depth/);
  });

  it('shows every metric that the services define themselves', () => {
    const shown = new Set(
      queries.flatMap(({ expression }) => demandsOf(expression).demands.map((each) => each.series)),
    );
    const base = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
    const shownBases = new Set([...shown].map(base));
    const own = [...series.keys()]
      .filter((name) => name !== 'up' && !/^quintet_(nodejs|process)_/.test(name))
      .map(base);
    expect([...new Set(own)].filter((name) => !shownBases.has(name))).toEqual([]);
  });

  it('has panels with ids of their own that do not cover one another', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    panels.forEach((panel, index) => {
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      for (const other of panels.slice(index + 1)) {
        expect(overlap(panel.gridPos, other.gridPos), `${panel.title} over ${other.title}`).toBe(false);
      }
    });
  });

  it('fills its variables from a metric that exists', () => {
    for (const { definition } of dashboard.templating.list) {
      const [, name = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
      expect([...(series.get(name) ?? [])]).toContain(label);
    }
  });
});
