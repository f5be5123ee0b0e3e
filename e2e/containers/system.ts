import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, reservePort } from '@monde-sauvage/testkit';
import { z } from 'zod';
import { root } from '../../scripts/platform/settings.ts';
import { type Compose, composeProject, docker } from './compose.ts';
import { testTags } from './images.ts';

/** The name of every test's project: what one that was killed has left is found, and removed, by the next. */
export const project = 'monde-sauvage-test';

export interface System {
  env: Record<string, string>;
  /** docker-compose.yml alone. */
  single: Compose;
  /** With docker-compose.cluster.yml: three NATS nodes and two replicas of every service. */
  cluster: Compose;
  /** The same files with other variables, such as one service's tag. */
  with(env: Record<string, string>): Compose;
  /** Plays `npm run demo`; its story, whether or not it came true. */
  playDemo(): Promise<string>;
  /** Looks at the databases until every invariant holds. @throws Error with what is violated */
  checkInvariants(): Promise<void>;
  remove(): Promise<void>;
}

/** Makes room for a system with ports of its own; nothing is started. The images must have been built. */
export async function prepareSystem(): Promise<System> {
  const reserved: [string, string][] = [];
  for (const name of ['GATEWAY_PORT', 'DEMO_PORT', 'GOOGLE_EMULATOR_PORT', 'STRIPE_EMULATOR_PORT']) {
    reserved.push([name, String(await reservePort())]);
  }
  const ports = Object.fromEntries(reserved);
  const env: Record<string, string> = {
    ...ports,
    ...testTags(),
    PUBLIC_URL: `http://localhost:${ports.GATEWAY_PORT}`,
  };
  const singleFiles = ['docker-compose.yml'];
  const single = composeProject({ project, env, files: singleFiles });
  const cluster = composeProject({ project, env, files: [...singleFiles, 'docker-compose.cluster.yml'] });
  const remove = async () => {
    await cluster.run('down', '--volumes', '--remove-orphans');
  };
  await remove();
  return {
    env,
    single,
    cluster,
    with: more => composeProject({ project, env: { ...env, ...more }, files: singleFiles }),
    playDemo: () => playDemo(`http://localhost:${env.DEMO_PORT}/demo.json`),
    checkInvariants: () => checkInvariants(single),
    remove,
  };
}

async function playDemo(url: string): Promise<string> {
  await eventually(async () => (await fetch(url).catch(() => undefined))?.ok, {
    timeoutMs: 300_000,
    describe: 'the demo establishment is there',
  });
  const play = promisify(execFile)(process.execPath, [join(root, 'e2e', 'demo', 'main.ts')], {
    env: { ...process.env, DEMO_URL: url },
  });
  const { stdout } = await play.catch((error: { stdout: string; stderr: string }) => ({
    stdout: `${error.stdout}\n${error.stderr}`,
  }));
  return stdout;
}

/** What was committed just now may still be on its way. */
async function checkInvariants(compose: Compose): Promise<void> {
  await eventually(
    async () => {
      await compose.run('run', '--rm', '-T', '-e', 'INVARIANTS_GRACE_SECONDS=5', 'invariants');
      return true;
    },
    { timeoutMs: 180_000, describe: 'every invariant' },
  );
}

const container = z.array(
  z.object({
    Image: z.string(),
    State: z.object({
      StartedAt: z.string(),
      ExitCode: z.number(),
      Health: z.object({ Status: z.string() }).optional(),
    }),
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

/** A container as the engine describes it. */
export async function look(name: string): Promise<z.output<typeof container>[number]> {
  const found = container.parse(JSON.parse(await docker('inspect', name)))[0];
  if (!found) throw new Error(`no container ${name}`);
  return found;
}

/** Resolves when every container of the service says that it can do its work. */
export async function untilHealthy(compose: Compose, service: string): Promise<void> {
  await eventually(
    async () => {
      const found = await Promise.all((await compose.containers(service)).map(look));
      return found.length > 0 && found.every(({ State }) => State.Health?.Status === 'healthy');
    },
    { timeoutMs: 240_000, describe: `${service} is healthy` },
  );
}
