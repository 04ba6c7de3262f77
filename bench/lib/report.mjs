/**
 * What every benchmark leaves behind: JSON and a Markdown table with machine, versions, settings and date, below
 * bench/results (not in the repository).
 *
 * @typedef {{ title: string, columns: readonly string[], rows: readonly (readonly (string | number)[])[], note?: string }} Table
 * @typedef {{ settings: Record<string, unknown>, tables: readonly Table[], data?: unknown, files?: Record<string, string>,
 *   shortfalls?: readonly string[] }} Outcome
 *   `shortfalls` says in a sentence each which promised number was missed; `files` are further files by name, such as a plot
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { importBuilt, root } from '../../scripts/lib/project.mjs';

const require = createRequire(join(root, 'services/worker/package.json'));
const libraries = ['onnxruntime-node', 'sharp', 'bullmq', 'ioredis', 'express'];
/** Instruction sets that decide how fast ONNX Runtime is. */
const telling = ['avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_int8'];

export async function describeMachine() {
  const { availableCores } = await importBuilt('packages/shared/dist/config/cores.js');
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    instructions: telling.filter((flag) => cpuFlags().has(flag)),
    cores: availableCores(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
  };
}

function cpuFlags() {
  try {
    return new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' '));
  } catch {
    return new Set();
  }
}

export function describeVersions() {
  const versions = Object.fromEntries(libraries.map((name) => [name, versionOf(name)]));
  return { commit: commit(), node: process.version, ...versions };
}

/** @param {string} name */
function versionOf(name) {
  for (const from of [require, createRequire(join(root, 'services/api/package.json'))]) {
    try {
      return JSON.parse(readFileSync(from.resolve(`${name}/package.json`), 'utf8')).version;
    } catch {
      // Not every package shows its package.json, and not every service has every library.
    }
  }
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function commit() {
  try {
    const git = (/** @type {string[]} */ ...args) =>
      execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
        .toString()
        .trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ', changed');
  } catch {
    return 'unknown';
  }
}

/** Numbers as a reader wants them: three significant digits or so. @param {string | number} value */
function cell(value) {
  if (typeof value !== 'number') return value;
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** @param {Table} table */
function markdownTable({ title, columns, rows, note }) {
  const line = (/** @type {readonly (string | number)[]} */ cells) => `| ${cells.map(cell).join(' | ')} |`;
  const alignment = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [`### ${title}`, '', line(columns), line(alignment), ...rows.map(line), ...(note ? ['', note] : [])].join(
    '\n',
  );
}

/** @param {{ name: string, date: string, machine: Record<string, unknown>, versions: Record<string, unknown> } & Outcome} result */
export function toMarkdown(result) {
  const list = (/** @type {Record<string, unknown>} */ record) =>
    Object.entries(record)
      .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(' ') : value}`)
      .join(', ');
  const shortfalls = (result.shortfalls ?? []).map((text) => `- short of its number: ${text}`);
  return [
    `## ${result.name}, ${result.date}`,
    '',
    `- machine: ${list(result.machine)}`,
    `- versions: ${list(result.versions)}`,
    `- settings: ${list(result.settings)}`,
    ...shortfalls,
    '',
    result.tables.map(markdownTable).join('\n\n'),
    '',
  ].join('\n');
}

/** Writes the result and returns its Markdown and where it lies. @param {string} name @param {Outcome} outcome */
export async function report(name, { files = {}, ...outcome }) {
  const date = new Date().toISOString();
  const result = { name, date, machine: await describeMachine(), versions: describeVersions(), ...outcome };
  const folder = join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const base = join(folder, `${name}-${date.slice(0, 19).replaceAll(':', '')}`);
  const markdown = toMarkdown(result);
  writeFileSync(`${base}.json`, `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(`${base}.md`, markdown);
  for (const [suffix, content] of Object.entries(files)) writeFileSync(`${base}-${suffix}`, content);
  return { markdown, path: relative(root, `${base}.md`) };
}
