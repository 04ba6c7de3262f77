/** What `compare` prints: the same facts as JSON for programs and as lines for people. */
import { formatBytes, type Model } from '@quintet/models';
import type { Provider } from '../inference/thread-protocol.js';
import { layoutText, type Layout } from '../profile/layouts.js';
import type { Accuracy, Agreement } from './agreement.js';
import type { Comparison, Speed } from './compare-models.js';
import type { Skipped } from './crop-window.js';

export interface ModelReport extends Speed {
  readonly name: string;
  readonly version: string;
  readonly weights: 'pretrained' | 'demo';
  /** Size of the model's file. */
  readonly bytes: number;
  /** Over the pictures whose name tells their class; absent where none does. */
  readonly accuracy?: Accuracy;
}

export interface Report {
  readonly a: ModelReport;
  readonly b: ModelReport;
  /** B's images per second by A's: above 1, B is faster. */
  readonly speed_ratio: number;
  readonly agreement: Agreement;
  readonly skipped: readonly Skipped[];
  readonly settings: {
    readonly device: Provider;
    readonly streams: number;
    readonly intra_op_threads: number;
    readonly int8_arithmetic: 'exact' | 'fast';
    /** Rounds of A and B in turn; each is one picture on every stream. */
    readonly rounds: number;
  };
  /** Present where a model has generated weights. */
  readonly warning?: string;
}

export interface ReportOptions {
  readonly models: readonly [Model, Model];
  readonly bytes: readonly [number, number];
  readonly comparison: Comparison;
  readonly device: Provider;
  readonly layout: Layout;
  readonly int8Arithmetic: 'exact' | 'fast';
}

export function makeReport(options: ReportOptions): Report {
  const { models, bytes, comparison, device, layout, int8Arithmetic } = options;
  const { agreement, accuracies, speeds, rounds, skipped } = comparison;
  const part = (index: 0 | 1): ModelReport => {
    const { name, version, weights } = models[index].manifest;
    const accuracy = accuracies?.[index];
    return { name, version, weights, bytes: bytes[index], ...speeds[index], ...(accuracy && { accuracy }) };
  };
  const warning = demoWarning(models);
  return {
    a: part(0),
    b: part(1),
    speed_ratio: speeds[1].images_per_second / speeds[0].images_per_second,
    agreement,
    skipped,
    settings: {
      device,
      streams: layout.streams,
      intra_op_threads: layout.intraOpThreads,
      int8_arithmetic: int8Arithmetic,
      rounds,
    },
    ...(warning !== undefined && { warning }),
  };
}

function demoWarning(models: readonly Model[]): string | undefined {
  const demo = models.filter(({ manifest }) => manifest.weights === 'demo').map(({ manifest }) => manifest.name);
  const names = [...new Set(demo)];
  if (names.length === 0) return undefined;
  const have = names.length === 1 ? 'has' : 'have';
  return `${names.join(' and ')} ${have} generated weights: predictions mean nothing; agreement and speed do`;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export function reportLines(report: Report): string[] {
  const { a, b, agreement, settings, skipped, warning } = report;
  const line = (name: string, ...cells: string[]): string =>
    `${name.padEnd(28)}${cells.map((cell) => cell.padEnd(24)).join('')}`.trimEnd();
  const both = (name: string, cell: (model: ModelReport) => string): string => line(name, cell(a), cell(b));
  const layout = layoutText({ streams: settings.streams, intraOpThreads: settings.intra_op_threads });
  const skippedNote = skipped.length === 0 ? '' : `, ${skipped.length} skipped`;
  const known = a.accuracy?.pictures ?? 0;
  return [
    line('', 'A', 'B'),
    both('model', ({ name }) => name),
    both('version', ({ version }) => version.slice(0, 'sha256:'.length + 12)),
    both('size', ({ bytes }) => formatBytes(bytes)),
    both('one picture, median', ({ latency_ms: latency }) => `${latency.toFixed(1)} ms`),
    both('all streams', ({ images_per_second: speed }) => `${speed.toFixed(1)} images/s`),
    ...(known === 0
      ? []
      : [
          both('true class first', ({ accuracy }) => percent(accuracy?.top1 ?? 0)),
          both('true class in five', ({ accuracy }) => percent(accuracy?.top5 ?? 0)),
        ]),
    '',
    line('pictures', `${agreement.pictures}${known === 0 ? '' : `, ${known} of a known class`}${skippedNote}`),
    line('same first class', `${percent(agreement.top1_agreement)} (${agreement.same_top1} of ${agreement.pictures})`),
    line('first five in common', percent(agreement.top5_overlap)),
    line('mean probability difference', `${agreement.top1_probability_difference.toFixed(4)} for A's first class,`),
    line('', `${agreement.class_probability_difference.toExponential(2)} over all classes`),
    line('total variation distance', agreement.total_variation.toFixed(4)),
    line('speed, B to A', `${report.speed_ratio.toFixed(2)} times`),
    line(
      'measured with',
      `${layout} on ${settings.device}, int8 ${settings.int8_arithmetic}, ${settings.rounds} rounds of A and B in turn`,
    ),
    ...(warning === undefined ? [] : ['', `Warning: ${warning}.`]),
  ];
}
