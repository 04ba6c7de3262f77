/**
 * What a load balancer does: it asks every instance again and again whether it is ready, and sends nobody to one that is not.
 * It knows of a change only when it has asked.
 */
import type { ServiceProcess } from '../../support/service-process.js';

export interface Balancer {
  /** Addresses of those that said they were ready when they were last asked. */
  urls(): readonly string[];
  add(instance: ServiceProcess): void;
  stop(): void;
}

export function startBalancer(instances: readonly ServiceProcess[], intervalMs = 200): Balancer {
  const ready = new Map<ServiceProcess, boolean>(instances.map((instance) => [instance, true]));
  const ask = async (instance: ServiceProcess): Promise<void> => {
    const answer = await instance.request('/health/ready').catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    ready.set(instance, answer?.status === 200);
  };
  const timer = setInterval(() => {
    for (const instance of ready.keys()) void ask(instance);
  }, intervalMs);
  return {
    urls: () => [...ready].filter(([, yes]) => yes).map(([{ url }]) => url),
    add: (instance) => void ready.set(instance, false),
    stop: () => {
      clearInterval(timer);
    },
  };
}
