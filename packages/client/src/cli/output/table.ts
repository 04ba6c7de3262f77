/** A table for people: a line for each label of each picture. Widths are fixed by the first names, as rows are printed as they come. */
import { formatScore, type Result } from '../../index.js';
import { pad, padStart, printable, shorten, widthOf } from './printable.js';
import type { Colours } from './terminal.js';

const labelWidth = 30;
const scoreWidth = 7;
const leastName = 12;
const mostName = 60;

export class TableWriter {
  readonly #nameWidth: number;

  /** `columns` of the terminal, where it is one: there, names are shortened to fit. */
  constructor(
    names: readonly string[],
    private readonly colours: Colours,
    private readonly columns: number | undefined,
  ) {
    const widest = names.reduce((most, name) => Math.max(most, widthOf(printable(name))), leastName);
    const room = columns === undefined ? mostName : columns - labelWidth - scoreWidth - 4;
    this.#nameWidth = Math.max(leastName, Math.min(widest, mostName, room));
  }

  header(): string {
    const { bold } = this.colours;
    return `${bold(pad('FILE', this.#nameWidth))}  ${bold(pad('LABEL', labelWidth))}  ${bold(padStart('SCORE', scoreWidth))}\n`;
  }

  row({ name, job, error }: Result, top: number): string {
    const shown = this.#name(name);
    const predictions = job?.predictions?.slice(0, top) ?? [];
    if (job?.status === 'succeeded' && predictions.length === 0)
      return `${shown}  ${this.colours.dim('nothing above the score')}\n`;
    if (predictions.length === 0) {
      const code = error?.code ?? job?.error?.code ?? job?.status ?? 'failed';
      return `${shown}  ${this.colours.red(printable(code))}\n`;
    }
    return predictions
      .map(({ label, score }, index) => {
        const first = index === 0 ? shown : ' '.repeat(this.#nameWidth);
        const text = printable(label);
        const cell = pad(this.columns === undefined ? text : shorten(text, labelWidth), labelWidth);
        const line = `${cell}  ${padStart(formatScore(score), scoreWidth)}`;
        return `${first}  ${index === 0 ? line : this.colours.dim(line)}\n`;
      })
      .join('');
  }

  #name(name: string): string {
    const text = printable(name);
    return pad(this.columns === undefined ? text : shorten(text, this.#nameWidth), this.#nameWidth);
  }
}

/** Columns as wide as their widest cell; the first row is the header. Numbers, by their header's `>`, to the right. */
export function simpleTable(header: readonly string[], rows: readonly (readonly string[])[], colours: Colours): string {
  const titles = header.map((title) => title.replace(/^>/, ''));
  const widths = titles.map((title, column) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), widthOf(title)),
  );
  const line = (cells: readonly string[], paint: (text: string) => string): string => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return paint(header[column]?.startsWith('>') === true ? padStart(cell, width) : pad(cell, width));
    });
    return `${padded.join('  ').trimEnd()}\n`;
  };
  return line(titles, colours.bold) + rows.map((row) => line(row, (text) => text)).join('');
}
