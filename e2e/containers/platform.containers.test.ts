import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, reservePort } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { root, serviceNames } from '../../scripts/platform/settings.ts';
import { type Compose, composeProject, docker } from './compose.ts';

/** The images, and the whole system in containers, as docker-compose.yml runs it. Needs a Docker engine. */

const project = 'monde-sauvage-test';
const keepers = ['booking', 'availability', 'calendar_sync', 'payment'] as const;
let env: Record<string, string>;
let single: Compose;
let cluster: Compose;

beforeAll(async () => {
  const ports = ['GATEWAY_PORT', 'DEMO_PORT', 'GOOGLE_EMULATOR_PORT', 'STRIPE_EMULATOR_PORT'];
  const reserved: [string, string][] = [];
  for (const name of ports) reserved.push([name, String(await reservePort())]);
  env = { ...Object.fromEntries(reserved), TAG: 'test' };
  env.PUBLIC_URL = `http://localhost:${env.GATEWAY_PORT}`;
  single = composeProject({ project, env, files: ['docker-compose.yml'] });
  cluster = composeProject({ project, env, files: ['docker-compose.yml', 'docker-compose.cluster.yml'] });
  await cluster.run('down', '--volumes', '--remove-orphans');
  await single.run('build');
  await single.run('up', '-d');
}, 900_000);

afterAll(async () => {
  await cluster?.run('down', '--volumes', '--remove-orphans');
}, 120_000);

/** Plays `npm run demo` against the system; its story is the message when it fails. */
async function playDemo(): Promise<string> {
  const url = `http://localhost:${env.DEMO_PORT}/demo.json`;
  await eventually(async () => (await fetch(url).catch(() => undefined))?.ok, { timeoutMs: 60_000 });
  const play = promisify(execFile)(process.execPath, [join(root, 'e2e', 'demo', 'main.ts')], {
    env: { ...process.env, DEMO_URL: url },
  });
  const { stdout } = await play.catch((error: { stdout: string; stderr: string }) => ({
    stdout: `${error.stdout}\n${error.stderr}`,
  }));
  return stdout;
}

const inspected = z.array(
  z.object({
    Config: z.object({ User: z.string(), Healthcheck: z.object({ Test: z.array(z.string()) }).optional() }),
    RootFS: z.object({ Layers: z.array(z.string()) }),
    Size: z.number(),
  }),
);
const inspect = async (image: string) => inspected.parse(JSON.parse(await docker('image', 'inspect', image)))[0];

const container = z.array(
  z.object({
    State: z.object({ Status: z.string(), StartedAt: z.string(), ExitCode: z.number() }),
    HostConfig: z.object({
      ReadonlyRootfs: z.boolean(),
      CapDrop: z.array(z.string()).nullable(),
      CapAdd: z.array(z.string()).nullable(),
      SecurityOpt: z.array(z.string()).nullable(),
      Privileged: z.boolean(),
    }),
    NetworkSettings: z.object({
      Ports: z.record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable()),
    }),
  }),
);
async function look(name: string) {
  const found = container.parse(JSON.parse(await docker('inspect', name)))[0];
  if (!found) throw new Error(`no container ${name}`);
  return found;
}

describe('the image of each service', () => {
  const base = 'gcr.io/distroless/nodejs24-debian12:nonroot';

  it.each(serviceNames)('of %s adds less than 80 MB, runs as nobody, and says by Node how it is', async service => {
    const [image, empty] = await Promise.all([inspect(`monde-sauvage/${service}:test`), inspect(base)]);
    expect((image?.Size ?? 0) - (empty?.Size ?? 0)).toBeLessThan(80_000_000);
    expect(image?.Config.User).toBe('65532:65532');
    expect(image?.Config.Healthcheck?.Test.slice(0, 2)).toEqual(['CMD', '/nodejs/bin/node']);
    expect(image?.RootFS.Layers.slice(0, empty?.RootFS.Layers.length)).toEqual(empty?.RootFS.Layers);
  });

  it.each(serviceNames)('of %s has no emulator and no development package in it', async service => {
    const list = `const { readdirSync, readFileSync } = require('node:fs');
      const files = readdirSync('/app', { recursive: true, withFileTypes: true }).filter(file => file.isFile());
      const paths = files.map(file => file.parentPath + '/' + file.name);
      const code = paths.filter(path => path.endsWith('.mjs')).map(path => readFileSync(path, 'utf8')).join('');
      console.log(JSON.stringify({ paths, emulator: code.includes('_emulator/') }));`;
    const found = z
      .object({ paths: z.array(z.string()), emulator: z.boolean() })
      .parse(JSON.parse(await docker('run', '--rm', `monde-sauvage/${service}:test`, '-e', list)));
    expect(found.emulator).toBe(false);
    const modules = new Set(found.paths.flatMap(path => /node_modules\/([^/]+)/.exec(path)?.[1] ?? []));
    expect([...modules]).toEqual(service === 'gateway' ? ['swagger-ui-dist'] : []);
    expect(found.paths.filter(path => path.endsWith('.ts'))).toEqual([]);
  });
});

describe('docker compose up', () => {
  it('plays the five scenarios', async () => {
    expect(await playDemo()).toContain('All five scenarios came true.');
  }, 180_000);

  it('gives every container a read-only root, no capabilities and no way to more', async () => {
    const names = (await docker('ps', '-q', '--filter', `label=com.docker.compose.project=${project}`)).split('\n');
    expect(names).toHaveLength(9);
    for (const name of names) {
      const { HostConfig: host } = await look(name);
      expect(host).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], Privileged: false });
      expect(host.CapAdd ?? []).toEqual([]);
      expect(host.SecurityOpt).toContain('no-new-privileges:true');
    }
  });

  it('publishes the gateway and the pages of the demo, on 127.0.0.1, and nothing else', async () => {
    const names = (await docker('ps', '-q', '--filter', `label=com.docker.compose.project=${project}`)).split('\n');
    const published = (await Promise.all(names.map(look))).flatMap(({ NetworkSettings: { Ports } }) =>
      Object.values(Ports).flatMap(bindings => bindings ?? []),
    );
    const expected = [env.GATEWAY_PORT, env.DEMO_PORT, env.GOOGLE_EMULATOR_PORT, env.STRIPE_EMULATOR_PORT];
    expect(published.map(({ HostPort }) => HostPort).sort()).toEqual(expected.sort());
    expect(new Set(published.map(({ HostIp }) => HostIp))).toEqual(new Set(['127.0.0.1']));
  });

  it('lets each login open its own database and no other', async () => {
    const [postgres = ''] = await single.containers('postgres');
    const connect = async (login: string, database: string) => {
      const url = `postgresql://${login}:${login.replace('_', '-')}-demo@postgres:5432/${database}`;
      return docker('exec', postgres, 'psql', url, '-Atc', 'SELECT current_database()').catch(String);
    };
    for (const login of keepers) {
      expect(await connect(login, login)).toBe(login);
      for (const database of [...keepers, 'postgres', 'template1'].filter(name => name !== login)) {
        expect(await connect(login, database)).toMatch(/permission denied for database/);
      }
    }
  });

  it.each(serviceNames)(
    'has %s ready within 2 s, small when idle, and drained by SIGTERM',
    async service => {
      const [name = ''] = await single.containers(service);
      await docker('stop', '--time', '15', name);
      expect((await look(name)).State.ExitCode).toBe(0);
      await docker('start', name);
      const started = Date.parse((await look(name)).State.StartedAt);
      const ready = await eventually(
        async () => {
          const log = await docker('logs', '--since', new Date(started).toISOString(), name);
          const line = log.split('\n').findLast(each => /is ready|is listening/.test(each));
          return line === undefined
            ? undefined
            : Date.parse(z.object({ time: z.string() }).parse(JSON.parse(line)).time);
        },
        { timeoutMs: 10_000, describe: `${service} ready` },
      );
      expect(ready - started).toBeLessThan(2_000);
      // Once it has settled: what starting up needed is given back after some seconds.
      await eventually(async () => (await residentMegabytes(name)) < 120, { timeoutMs: 20_000 });
    },
    60_000,
  );
});

/** Of the process itself, its share of Node's own pages included. */
async function residentMegabytes(name: string): Promise<number> {
  const read = "console.log(/VmRSS:\\s+(\\d+)/.exec(require('node:fs').readFileSync('/proc/1/status', 'utf8'))[1])";
  return Number(await docker('exec', name, '/nodejs/bin/node', '-e', read)) / 1_024;
}

describe('the cluster', () => {
  beforeAll(async () => {
    await cluster.run('build', 'gateway');
    await cluster.run('up', '-d');
  }, 300_000);

  it('plays the five scenarios', async () => {
    expect(await playDemo()).toContain('All five scenarios came true.');
  }, 180_000);

  it('plays them with one NATS node and one replica of each service stopped', async () => {
    const replicated = ['booking', 'availability', 'calendar-sync', 'payment', 'gateway-replica'];
    const first = await Promise.all(replicated.map(async service => (await cluster.containers(service)).sort()));
    expect(first.map(names => names.length)).toEqual([2, 2, 2, 2, 2]);
    const [node = ''] = await cluster.containers('nats');
    await docker('stop', '--time', '15', node, ...first.map(([name = '']) => name));
    expect(await playDemo()).toContain('All five scenarios came true.');
  }, 240_000);
});
