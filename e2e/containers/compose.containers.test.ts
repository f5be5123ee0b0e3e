import { loadavg } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { rowKeepers, serviceNames } from '../../scripts/platform/settings.ts';
import { docker } from './compose.ts';
import { look, prepareSystem, project, type System } from './system.ts';

/** The whole system as docker-compose.yml runs it. Needs a Docker engine. */

let system: System;
/** Printed at the end: what a machine of this size and load makes of it. */
const measured: Record<string, Record<string, string>> = {};
const note = (service: string, what: string, value: string) => {
  measured[service] = { ...measured[service], [what]: value };
};

beforeAll(async () => {
  system = await prepareSystem();
  await system.single.run('up', '-d');
}, 600_000);

afterAll(async () => {
  await system?.remove();
  process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
}, 600_000);

const running = async () =>
  (await docker('ps', '-q', '--filter', `label=com.docker.compose.project=${project}`)).split('\n');

describe('docker compose up', () => {
  it.each(serviceNames)(
    'has %s under 120 MB resident after its very first start',
    async service => {
      const [name = ''] = await system.single.containers(service);
      const migrated = (await docker('logs', name)).includes('database migrated');
      expect(migrated).toBe(service !== 'gateway');
      note(service, 'MB after the first start', await settleUnder(120, name));
    },
    600_000,
  );

  it('plays the five scenarios, after which every invariant holds', async () => {
    expect(await system.playDemo()).toContain('All five scenarios came true.');
    await system.checkInvariants();
  }, 600_000);

  it('lets an operator ask about money, where NATS is not published', async () => {
    const ops = (...args: string[]) => system.single.run('run', '--rm', '-T', 'ops', 'payments', ...args);
    expect(await ops('review')).toContain('nothing waits for a person');
    expect(await ops('reconcile', '--days', '2')).toMatch(/compared with Stripe since .*\nnothing differed$/);
    await expect(ops('resolve', 'evt_nothing', '--note', 'x')).rejects.toThrow(/nothing/);
  }, 600_000);

  it.each(serviceNames)(
    'has %s under 120 MB resident when it has worked and is idle again',
    async service => {
      const [name = ''] = await system.single.containers(service);
      note(service, 'MB after the demo', await settleUnder(120, name));
    },
    600_000,
  );

  it('gives every container a read-only root, a user that is not root, no capabilities and no way to more', async () => {
    const names = await running();
    expect(names).toHaveLength(9);
    for (const name of names) {
      const { HostConfig: host } = await look(name);
      expect(host).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], Privileged: false });
      expect(host.CapAdd ?? []).toEqual([]);
      expect(host.SecurityOpt).toContain('no-new-privileges:true');
      const top = (await docker('top', name, '-o', 'pid,uid')).split('\n').slice(1);
      expect(top.map(line => line.trim().split(/\s+/)[1])).not.toContain('0');
    }
  });

  it('publishes the gateway and the pages of the demo, on 127.0.0.1, and nothing else', async () => {
    const published = (await Promise.all((await running()).map(look))).flatMap(({ NetworkSettings: { Ports } }) =>
      Object.values(Ports).flatMap(bindings => bindings ?? []),
    );
    const { env } = system;
    const expected = [env.GATEWAY_PORT, env.DEMO_PORT, env.GOOGLE_EMULATOR_PORT, env.STRIPE_EMULATOR_PORT];
    expect(published.map(({ HostPort }) => HostPort).sort()).toEqual(expected.sort());
    expect(new Set(published.map(({ HostIp }) => HostIp))).toEqual(new Set(['127.0.0.1']));
  });

  it('lets each login open its own database and no other', async () => {
    const [postgres = ''] = await system.single.containers('postgres');
    const connect = async (login: string, database: string) => {
      const url = `postgresql://${login}:${login.replace('_', '-')}-demo@postgres:5432/${database}`;
      return docker('exec', postgres, 'psql', url, '-Atc', 'SELECT current_database()').catch(String);
    };
    const logins = rowKeepers.map(service => service.replace('-', '_'));
    for (const login of logins) {
      expect(await connect(login, login)).toBe(login);
      for (const database of [...logins, 'postgres', 'template1'].filter(name => name !== login)) {
        expect(await connect(login, database)).toMatch(/permission denied for database/);
      }
    }
  });

  it.each(rowKeepers)(
    'can migrate the database of %s by itself, as an init container does: nothing is left to do',
    async service => {
      const printed = await system.single.run('run', '--rm', '-T', '--no-deps', service, '/app/dist/migrate.mjs');
      expect(JSON.parse(printed.split('\n').at(-1) ?? '')).toMatchObject({ msg: 'nothing to migrate', applied: [] });
    },
    600_000,
  );

  it.each(serviceNames)(
    'has %s ready within 2 s, and drained by SIGTERM',
    async service => {
      const [name = ''] = await system.single.containers(service);
      const tries: number[] = [];
      do {
        await docker('stop', '--time', '15', name);
        expect((await look(name)).State.ExitCode).toBe(0);
        tries.push(await startAndMeasure(name));
      } while (Math.min(...tries) >= allowedMs() && tries.length < 6);
      note(service, 'ready after ms', String(Math.min(...tries)));
      expect(Math.min(...tries)).toBeLessThan(allowedMs());
    },
    600_000,
  );
});

/** Two seconds on a machine that has nothing else to do; the longer, the more work waits for each of its processors. */
const allowedMs = () => 2_000 * Math.max(1, ...loadavg().map(load => load / 2));

/** Starts a container; how long after that its service says that it can do its work, in ms. */
async function startAndMeasure(name: string): Promise<number> {
  await docker('start', name);
  const started = Date.parse((await look(name)).State.StartedAt);
  const ready = await eventually(
    async () => {
      const log = await docker('logs', '--since', new Date(started).toISOString(), name);
      const line = log.split('\n').findLast(each => /is ready|is listening/.test(each));
      return line ? Date.parse(z.object({ time: z.string() }).parse(JSON.parse(line)).time) : undefined;
    },
    { timeoutMs: 120_000, describe: `${name} is ready` },
  );
  return ready - started;
}

/** Waits until what was needed for a while has been given back. Returns the megabytes that are left. */
async function settleUnder(megabytes: number, name: string): Promise<string> {
  let last = 0;
  await eventually(
    async () => {
      last = await residentMegabytes(name);
      return last < megabytes;
    },
    { timeoutMs: 180_000, describe: `${name} under ${megabytes} MB` },
  );
  return last.toFixed(0);
}

/** Of the process itself, its share of Node's own pages included. */
async function residentMegabytes(name: string): Promise<number> {
  const read = "console.log(/VmRSS:\\s+(\\d+)/.exec(require('node:fs').readFileSync('/proc/1/status', 'utf8'))[1])";
  return Number(await docker('exec', name, '/nodejs/bin/node', '-e', read)) / 1_024;
}
