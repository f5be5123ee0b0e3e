import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { root } from '../../scripts/platform/settings.ts';

const run = promisify(execFile);

/** A system brought up by docker-compose.yml under a project name, ports and passwords of its own. */
export interface Compose {
  /** Runs a command of compose, such as `up -d`, and returns what it printed. @throws Error with its output when it fails */
  run(...args: string[]): Promise<string>;
  /** Names of the running containers of a service, e.g. of both replicas. */
  containers(service: string): Promise<string[]>;
}

/** Compose v2 where the engine has it, else docker-compose 1.29. */
const command = spawnSync('docker', ['compose', 'version']).status === 0 ? ['docker', 'compose'] : ['docker-compose'];

/** @throws Error with what docker printed when it fails */
export async function docker(...args: string[]): Promise<string> {
  return execute(['docker', ...args], {});
}

export function composeProject(o: { project: string; files: string[]; env: Record<string, string> }): Compose {
  const base = [...command, '-p', o.project, ...o.files.flatMap(file => ['-f', file])];
  return {
    run: (...args) => execute([...base, ...args], o.env),
    async containers(service) {
      const filters = [`project=${o.project}`, `service=${service}`].flatMap(label => [
        '--filter',
        `label=com.docker.compose.${label}`,
      ]);
      const names = await docker('ps', '--format', '{{.Names}}', ...filters);
      return names.split('\n').filter(name => name !== '');
    },
  };
}

/** Runs a command in the project's folder. @throws Error with its output when it fails */
export async function execute([file = '', ...args]: string[], env: Record<string, string>): Promise<string> {
  try {
    const { stdout } = await run(file, args, {
      cwd: root,
      env: { ...process.env, ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  } catch (error) {
    const printed = z.object({ stdout: z.string(), stderr: z.string() }).safeParse(error);
    const output = printed.success ? `${printed.data.stdout}${printed.data.stderr}`.slice(-2_000) : String(error);
    throw new Error(`${file} ${args.join(' ')} failed\n${output}`);
  }
}
