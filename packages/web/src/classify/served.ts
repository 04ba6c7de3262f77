/**
 * Which models answer: asked for at the start, again when the service is back, and every while, so that the page says
 * when no worker is left or another model has come.
 */
import type { ModelList } from '@quintet/client';
import { onConnection } from '../api/connection.js';
import { service } from '../api/service.js';

export type ServedModel = ModelList['models'][number];
/**
 * What a model sees of a picture: its short side is made `resize` pixels long, and a square of `crop` is cut out of the
 * middle.
 */
export type Preprocess = NonNullable<ServedModel['preprocess']>;

const everyMs = 15_000;
/** The API's own list is as old at most. */
const leastMs = 1000;

export class Served {
  #list: ModelList | undefined;
  #isLoading = false;
  #askedAt = -Infinity;
  readonly #listeners = new Set<() => void>();

  /** Calls `listener` after each change, until `signal` is aborted. */
  onChange(listener: () => void, signal?: AbortSignal): void {
    this.#listeners.add(listener);
    signal?.addEventListener('abort', () => this.#listeners.delete(listener));
  }

  start(): void {
    let wasAway = true;
    onConnection(({ kind }) => {
      if (kind === 'online' && wasAway) void this.#load();
      wasAway = kind !== 'online';
    });
    window.setInterval(() => {
      if (document.visibilityState === 'visible') void this.#load();
    }, everyMs);
  }

  get defaultName(): string | undefined {
    return this.#list?.default;
  }

  /** Those that a worker serves now, by name. */
  get live(): readonly ServedModel[] {
    return (this.#list?.models ?? []).filter(({ workers }) => workers.length > 0);
  }

  /** By name, or the default. */
  find(name: string | undefined): ServedModel | undefined {
    return this.#list?.models.find((model) => model.name === (name ?? this.#list?.default));
  }

  /** Asks again, at most once a second: what is seen of a job contradicts the list. */
  refresh(): void {
    if (performance.now() - this.#askedAt >= leastMs) void this.#load();
  }

  async #load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    this.#askedAt = performance.now();
    try {
      this.#list = await service().models();
      for (const listener of [...this.#listeners]) listener();
    } catch {
      // The header says when the service is away; who has no key is asked for it.
    } finally {
      this.#isLoading = false;
    }
  }
}
