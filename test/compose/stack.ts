/** The real stack of docker-compose.yml, under a project name and ports of its own, with no model hub in reach. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type Dockerode from 'dockerode';
import { DockerComposeEnvironment, Wait, getContainerRuntimeClient } from 'testcontainers';
import { freePort } from '../support/redis-server.js';
import { repositoryFile } from './dashboard.js';
import { composeExecutable } from './docker.js';

export interface Stack {
  readonly api: string;
  readonly prometheus: string;
  readonly docker: Dockerode;
  /** The containers of a service, stopped ones included, oldest first. */
  containers(service: string): Promise<Dockerode.ContainerInspectInfo[]>;
  /** What a container wrote, both streams. */
  logs(id: string): Promise<string>;
  /** Removes containers, networks, volumes and the images that were built. */
  down(): Promise<void>;
}

export interface StackOptions {
  readonly workers: number;
  readonly environment: Record<string, string>;
  /** How long all containers may take to be healthy. */
  readonly healthyMs: number;
}

export async function startStack({ workers, environment, healthyMs }: StackOptions): Promise<Stack> {
  const [port, prometheusPort] = [await freePort(), await freePort()];
  const project = `quintet-test-${randomBytes(4).toString('hex')}`;
  const executable = composeExecutable();
  const compose = await new DockerComposeEnvironment(fileURLToPath(repositoryFile('.')), [
    'docker-compose.yml',
    'test/compose/no-hub.yml',
  ])
    .withProjectName(project)
    .withEnvironment({
      ...environment,
      PORT: String(port),
      PROMETHEUS_PORT: String(prometheusPort),
      // Where the tests run in a container themselves, the host is not reached by its loopback address.
      OBSERVABILITY_HOST: '0.0.0.0',
    })
    .withBuild()
    .withDefaultWaitStrategy(Wait.forListeningPorts())
    .withClientOptions({
      commandOptions: ['--scale', `worker=${workers}`],
      ...(executable === undefined ? {} : { executable }),
    })
    .up();
  const { container, info } = await getContainerRuntimeClient();
  const docker = container.dockerode;
  const { host } = info.containerRuntime;

  const list = async (label: string): Promise<Dockerode.ContainerInspectInfo[]> => {
    const found = await docker.listContainers({
      all: true,
      filters: { label: [`com.docker.compose.project=${project}`, ...(label === '' ? [] : [label])] },
    });
    const inspected = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()));
    return inspected.sort((a, b) => a.Created.localeCompare(b.Created));
  };
  const logs = async (id: string): Promise<string> =>
    (await docker.getContainer(id).logs({ stdout: true, stderr: true, follow: false })).toString('utf8');
  const stack: Stack = {
    api: `http://${host}:${port}`,
    prometheus: `http://${host}:${prometheusPort}`,
    docker,
    containers: (service) => list(`com.docker.compose.service=${service}`),
    logs,
    down: async () => {
      const images = new Set(
        (await list('')).filter(({ Config }) => Config.Image.startsWith(project)).map(({ Image }) => Image),
      );
      await compose.down({ removeVolumes: true, timeout: 10_000 });
      // Their parents stay: they are the build's cache.
      for (const image of images) await docker.getImage(image).remove({ noprune: true });
    },
  };

  const deadline = Date.now() + healthyMs;
  for (;;) {
    const unhealthy = (await list('')).filter(({ State }) => State.Health?.Status !== 'healthy');
    if (unhealthy.length === 0) return stack;
    if (Date.now() > deadline) {
      const reports = unhealthy.map(async ({ Id, Name, State }) => {
        const check = State.Health?.Log.at(-1)?.Output ?? 'no health check ended';
        return `${Name} is ${State.Status}, ${State.Health?.Status ?? ''}: ${check}\n${(await logs(Id)).slice(-3000)}`;
      });
      const report = (await Promise.all(reports)).join('\n');
      await stack.down();
      throw new Error(`Not healthy after ${healthyMs / 1000} s:\n${report}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
