/** What docker-compose.yml promises, read from the files: no container is needed to see it broken. */
import { readFileSync } from 'node:fs';
import { apiVariables, webhooksVariables, workerVariables } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { repositoryFile } from './dashboard.js';

const read = (path: string): string => readFileSync(repositoryFile(path), 'utf8');

const service = z.object({
  image: z.string().optional(),
  build: z
    .object({ dockerfile: z.string(), target: z.string(), args: z.object({ VERSION: z.string() }).optional() })
    .optional(),
  container_name: z.string().optional(),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.union([z.string(), z.null()])).default({}),
  command: z.array(z.string()).default([]),
  init: z.boolean().default(false),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  stop_grace_period: z.string().optional(),
  profiles: z.array(z.string()).default([]),
});

const composeFile = z.strictObject({
  // docker-compose 1.29 knows these keys and extensions; `name` and `include` it refuses.
  'x-build': z.unknown(),
  'x-service': z.unknown(),
  'x-guarded': z.unknown(),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

const compose = composeFile.parse(parse(read('docker-compose.yml'), { merge: true }));
const dockerfile = read('deploy/Dockerfile');

const ours = { api: apiVariables, worker: workerVariables, webhooks: webhooksVariables };
const metricsPorts = { api: '9464', worker: '9464', webhooks: '9465' };

/** Fixed by the way the containers are wired; a user has no reason to change them. */
const wired = ['HOST', 'PORT', 'METRICS_PORT', 'WORKER_ID'];

function serviceOf(name: string): z.infer<typeof service> {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

describe('docker-compose.yml', () => {
  it('has the services of the design, Grafana only in its profile', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      ['api', 'grafana', 'prometheus', 'redis', 'webhooks', 'worker'].sort(),
    );
    for (const [name, { profiles }] of Object.entries(compose.services)) {
      expect(profiles, name).toEqual(name === 'grafana' ? ['observability'] : []);
    }
  });

  it.each(Object.entries(ours))('offers every variable that %s reads, and no other', (name, variables) => {
    const offered = Object.keys(serviceOf(name).environment).filter((variable) => !wired.includes(variable));
    expect(offered.sort()).toEqual(
      Object.keys(variables)
        .filter((variable) => !wired.includes(variable))
        .sort(),
    );
  });

  it.each(Object.keys(ours))('labels the image of %s with the version of its package', (name) => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read(`services/${name}/package.json`)));
    expect(serviceOf(name).build?.args?.VERSION).toBe(version);
  });

  it('leaves it to the workers which model they can have, and to the API which they have', () => {
    expect(serviceOf('worker').environment['MODEL']).toBeNull();
    expect(serviceOf('api').environment['DEFAULT_MODEL']).toBeNull();
  });

  it('lets worker and webhooks scale: no name of their own, no published port', () => {
    for (const name of ['worker', 'webhooks']) {
      expect(serviceOf(name).container_name).toBeUndefined();
      expect(serviceOf(name).ports).toEqual([]);
    }
  });

  it.each(Object.entries(compose.services))('walls %s in', (_, { read_only, cap_drop, security_opt }) => {
    expect(read_only).toBe(true);
    expect(cap_drop).toEqual(['ALL']);
    expect(security_opt).toEqual(['no-new-privileges:true']);
  });

  it('keeps metrics off the port that is published', () => {
    const { environment, ports } = serviceOf('api');
    expect(environment['METRICS_PORT']).toBe(metricsPorts.api);
    expect(ports.map((port) => port.split(':').at(-1))).toEqual(['3000']);
  });

  it('gives every service the password of its Redis, and none where there is none', () => {
    for (const name of Object.keys(ours)) {
      expect(serviceOf(name).environment['REDIS_URL']).toBe('redis://:${REDIS_PASSWORD:-}@redis:6379');
    }
    expect(serviceOf('redis').command.slice(-2)).toEqual(['--requirepass', '${REDIS_PASSWORD:-}']);
  });

  it('gives a stopping service longer than it gives itself', () => {
    for (const [name, variables] of Object.entries(ours)) {
      const seconds = Number(variables.SHUTDOWN_SECONDS.fallback);
      expect(Number.parseInt(serviceOf(name).stop_grace_period ?? '0', 10), name).toBeGreaterThan(seconds);
    }
  });

  // The first process of a container cannot end itself where it hangs (end-now.ts).
  it('starts every service of ours below an init', () => {
    for (const name of Object.keys(ours)) expect(serviceOf(name).init, name).toBe(true);
  });

  it('runs a Redis that keeps what it was given', () => {
    const command = serviceOf('redis').command.join(' ');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--appendfsync everysec');
    expect(command).toContain('--maxmemory-policy noeviction');
  });

  it('names build targets that exist', () => {
    for (const { build } of Object.values(compose.services)) {
      if (build !== undefined) expect(dockerfile).toMatch(new RegExp(`^FROM \\S+ AS ${build.target}$`, 'm'));
    }
  });

  it('has a GPU overlay that builds a target which exists, and names its provider', () => {
    const overlay = z
      .object({ services: z.object({ worker: service }) })
      .parse(parse(read('docker-compose.gpu.yml'), { merge: true }));
    const { build, environment } = overlay.services.worker;
    expect(read(build?.dockerfile ?? '')).toMatch(new RegExp(`^FROM nvidia/cuda:\\S+ AS ${build?.target ?? ''}$`, 'm'));
    expect(environment['EXECUTION_PROVIDER']).toBe('cuda');
  });
});

describe('prometheus.yml', () => {
  const jobs = z
    .object({
      scrape_configs: z.array(
        z.object({
          job_name: z.string(),
          dns_sd_configs: z.array(z.object({ names: z.array(z.string()), type: z.literal('A'), port: z.int() })),
        }),
      ),
    })
    .parse(parse(read('deploy/prometheus/prometheus.yml')));

  it('scrapes every address of each service, on the port that its image exposes', () => {
    const scraped = jobs.scrape_configs.flatMap(({ job_name, dns_sd_configs }) =>
      dns_sd_configs.map(({ names, port }) => [job_name, names, String(port)]),
    );
    expect(scraped).toEqual(Object.entries(metricsPorts).map(([name, port]) => [name, [name], port]));
    for (const [name, port] of Object.entries(metricsPorts)) {
      const stage = dockerfile.split(/^FROM /m).find((text) => text.split('\n', 1)[0]?.endsWith(` AS ${name}`));
      expect(stage, name).toContain(`EXPOSE ${port}\n`);
    }
  });
});

describe('the images', () => {
  it('are built without what only BuildKit knows', () => {
    for (const text of [dockerfile, read('deploy/worker.gpu.Dockerfile')]) {
      expect(text).not.toMatch(/^RUN --|<<-?\s*['"]?\w+|^# syntax=/m);
    }
  });

  it('start every service below an init of their own, for Kubernetes and plain `docker run`', () => {
    for (const [text, stage] of [
      [dockerfile, 'runtime'],
      [read('deploy/worker.gpu.Dockerfile'), 'worker'],
    ] as const) {
      const body = text.split(/^FROM /m).find((part) => part.split('\n', 1)[0]?.endsWith(` AS ${stage}`));
      expect(body).toContain('COPY --from=init /usr/bin/tini-static /usr/bin/tini\nENTRYPOINT ["tini", "-s", "--"]\n');
      // Another one would take its place, and a CMD in shell form would put a shell between the init and the service.
      expect(text.match(/^ENTRYPOINT /gm)).toHaveLength(1);
      expect(text).not.toMatch(/^CMD [^[]/m);
    }
    for (const name of Object.keys(ours)) expect(dockerfile).toContain(`FROM runtime AS ${name}\n`);
  });

  it('bring the bundled model to the workers', () => {
    const ignored = read('.dockerignore').split('\n');
    expect(ignored.indexOf('!packages/models/data/*.onnx')).toBeGreaterThan(ignored.indexOf('**/*.onnx'));
    for (const text of [dockerfile, read('deploy/worker.gpu.Dockerfile')]) {
      const tree = text.split(/^FROM /m).find((part) => part.split('\n', 1)[0]?.endsWith(' AS worker-tree'));
      expect(tree).toContain('COPY --from=build /app/packages/models packages/models\n');
    }
  });

  it('take the manifest of every workspace, as npm ci needs them all', () => {
    const { workspaces } = z.object({ workspaces: z.array(z.string()) }).parse(JSON.parse(read('package.json')));
    expect(workspaces).toEqual(['packages/*', 'services/*']);
    const lock = z.object({ packages: z.record(z.string(), z.unknown()) }).parse(JSON.parse(read('package-lock.json')));
    const folders = Object.keys(lock.packages).filter((path) => /^(packages|services)\/[^/]+$/.test(path));
    expect(folders.length).toBeGreaterThan(0);
    for (const folder of folders) {
      for (const text of [dockerfile, read('deploy/worker.gpu.Dockerfile')]) {
        expect(text).toContain(`COPY ${folder}/package.json ${folder}/\n`);
      }
    }
  });
});
