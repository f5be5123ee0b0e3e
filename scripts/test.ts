import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './platform/settings.ts';
import { onStop } from './stop-signals.ts';

/** `npm test`: type check, lint, then every kind of test. Arguments go to Jest. Stops cleanly on Ctrl-C. */
let running: ReturnType<typeof spawn> | undefined;
let interrupted = false;
onStop(signal => {
  interrupted = true;
  running?.kill(signal);
});

const bin = (name: string) => join(root, 'node_modules', ...name.split('/'));

function run(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    running = spawn(process.execPath, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, NX_DAEMON: 'false' },
    });
    running.once('error', reject);
    running.once('exit', code => resolve(code ?? 1));
  });
}

const steps: [name: string, args: string[]][] = [
  ['type check', [bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json']],
  ['lint', [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']],
  ['tests', ['--experimental-vm-modules', '--no-warnings', bin('jest/bin/jest.js'), ...process.argv.slice(2)]],
];

for (const [name, args] of steps) {
  process.stdout.write(`\n── ${name}\n`);
  const code = await run(args);
  if (interrupted) process.exit(130);
  if (code !== 0) {
    process.stderr.write(`\n${name} failed\n`);
    process.exit(code);
  }
}
