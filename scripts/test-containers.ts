import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { testContainerLabel } from '@monde-sauvage/testkit';
import { root } from './platform/settings.ts';
import { onStop } from './stop-signals.ts';

/**
 * `npm run test:containers`: everything that needs a Docker engine, in one go. Every integration test on containers
 * instead of embedded servers; then the images, compose, the cluster, and the previous version of each service. Leaves no
 * container, network or volume behind, however it ends.
 */
const steps: [name: string, env: Record<string, string>, args: string[]][] = [
  ['integration tests on containers', { TEST_INFRA: 'containers' }, ['--selectProjects', 'integration']],
  // One file after the other: each brings up the system under the same project.
  ['images, compose and the cluster', { TEST_CONTAINERS: '1' }, ['--runInBand']],
];

const stopLimitMs = 40_000;
let running: ChildProcess | undefined;
let interrupted = false;
onStop(() => {
  if (!interrupted) process.stdout.write('\nStopping; containers are removed …\n');
  interrupted = true;
  signalGroup('SIGTERM');
});

try {
  docker('version');
} catch {
  process.stderr.write('no Docker engine answers: start one first\n');
  process.exit(1);
}

removeContainers();
let failed = false;
for (const [name, env, args] of steps) {
  if (interrupted) break;
  process.stdout.write(`\n── ${name}\n`);
  failed = (await runJest(env, [...args, ...process.argv.slice(2)])) !== 0 || failed;
}
removeContainers();
process.exit(interrupted ? 130 : Number(failed));

/** Jest as a process group of its own: what it has started (a build, an `up`) ends with it, not after the cleaning. */
async function runJest(env: Record<string, string>, args: string[]): Promise<number> {
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, ['--experimental-vm-modules', '--no-warnings', jest, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  running = child;
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', ended => resolve(ended ?? 1));
  });
  const deadline = Date.now() + stopLimitMs;
  while (signalGroup(0)) {
    if (Date.now() > deadline) signalGroup('SIGKILL');
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  running = undefined;
  return code;
}

/** Whether anybody of the group is still there. */
function signalGroup(signal: NodeJS.Signals | 0): boolean {
  try {
    return running?.pid !== undefined && process.kill(-running.pid, signal);
  } catch {
    return false;
  }
}

function docker(...args: string[]): string[] {
  const printed = execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return printed.split('\n').filter(line => line !== '');
}

/** Everything of the tests' compose project and of their Testcontainers, of this run and of one that was killed. */
function removeContainers(): void {
  for (const label of ['com.docker.compose.project=monde-sauvage-test', testContainerLabel]) {
    const filter = ['--quiet', '--filter', `label=${label}`];
    remove(['rm', '--force', '--volumes'], docker('ps', '--all', ...filter));
    remove(['network', 'rm'], docker('network', 'ls', ...filter));
    remove(['volume', 'rm', '--force'], docker('volume', 'ls', ...filter));
  }
}

function remove(command: string[], ids: string[]): void {
  if (ids.length > 0) docker(...command, ...ids);
}
