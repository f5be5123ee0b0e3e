import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '..', '..');
const services = ['availability', 'booking', 'calendar-sync', 'gateway', 'payment'];
const libs = ['contracts', 'emulators', 'messaging', 'persistence', 'service-kit', 'testkit'];

/** What `npx nx affected` looks at after a change of these files, without the scope of its name. */
async function affectedBy(...files: string[]): Promise<string[]> {
  const nx = realpathSync(join(root, 'node_modules', '.bin', 'nx'));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [nx, 'show', 'projects', '--affected', `--files=${files.join(',')}`, '--json'],
    { cwd: root, env: { ...process.env, NX_DAEMON: 'false' } },
  );
  const names: unknown = JSON.parse(stdout);
  return [names]
    .flat(2)
    .map(name => String(name).replace('@monde-sauvage/', ''))
    .sort();
}

const limitMs = 120_000;

test.each([
  ['a service', 'services/payment/src/main.ts', ['e2e', 'payment']],
  ['the contracts', 'libs/contracts/src/price.ts', ['contracts', 'e2e', 'messaging', ...services]],
  ['the stand-ins', 'libs/emulators/src/demo/main.ts', ['calendar-sync', 'e2e', 'emulators', 'payment']],
  ['how images are made', 'deploy/docker/Dockerfile', ['e2e', ...services]],
  ['the lock file', 'package-lock.json', ['e2e', ...libs, ...services]],
  ['what starts the platform', 'scripts/start.ts', ['e2e']],
  ['documents', 'docs/architecture.md', []],
])(
  'a change of %s affects what is made from it, and nothing else',
  async (_, file, expected) => {
    expect(await affectedBy(file)).toEqual([...expected].sort());
  },
  limitMs,
);

test(
  'changes add up',
  async () => {
    const both = await affectedBy('services/payment/src/main.ts', 'services/booking/src/main.ts');
    expect(both).toEqual(['booking', 'e2e', 'gateway', 'payment']);
  },
  limitMs,
);
