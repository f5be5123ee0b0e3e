import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { root } from './platform/settings.ts';
import { onStop } from './stop-signals.ts';

/**
 * `npm run test:soak`: the property tests with one random seed after the other, for as long as told: an argument or
 * SOAK_MINUTES, in minutes (default 60). Prints each seed as it ends, and at the end how the failing ones are run again; further
 * arguments go to Jest (`-- 30 --testPathPatterns calendar`). Exit code 1 when a seed failed.
 */
const [first, ...rest] = process.argv.slice(2);
const isMinutes = first !== undefined && /^\d+(\.\d+)?$/.test(first);
const minutes = Number(isMinutes ? first : (process.env.SOAK_MINUTES ?? 60));
if (!Number.isFinite(minutes) || minutes <= 0) {
  process.stderr.write('SOAK_MINUTES must be a number of minutes\n');
  process.exit(2);
}
const jestArguments = isMinutes || first === undefined ? rest : [first, ...rest];
const startedAt = performance.now();
const elapsed = () => (performance.now() - startedAt) / 60_000;

let running: ReturnType<typeof spawn> | undefined;
let interrupted = false;
onStop(signal => {
  interrupted = true;
  running?.kill(signal);
});

/** Runs every property once with a seed; what it prints is shown only when it fails. */
function runSeed(seed: number): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        '--experimental-vm-modules',
        '--no-warnings',
        join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
        ...['--selectProjects', 'property', ...jestArguments],
      ],
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PROPERTY_SEED: String(seed) } },
    );
    running = child;
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', code => resolve({ code: code ?? 1, output }));
  });
}

const failing: number[] = [];
let seeds = 0;
while (!interrupted && elapsed() < minutes) {
  const seed = randomInt(2 ** 31);
  const since = performance.now();
  const { code, output } = await runSeed(seed);
  if (interrupted) break;
  seeds += 1;
  if (code !== 0) {
    failing.push(seed);
    process.stdout.write(output);
  }
  const seconds = Math.round((performance.now() - since) / 1_000);
  const verdict = code === 0 ? 'holds' : 'FAILS';
  console.log(
    `seed ${seed} ${verdict} (${seconds} s); ${seeds} seeds in ${elapsed().toFixed(1)} of ${minutes} minutes, ${failing.length} failing`,
  );
}
if (interrupted)
  console.log(`stopped after ${seeds} seeds in ${elapsed().toFixed(1)} minutes, ${failing.length} failing`);
if (failing.length > 0) {
  console.log('failing; above is the part of it that failed (PROPERTY_PATH). All of it again:');
  const selected = ['--selectProjects', 'property', ...jestArguments].join(' ');
  for (const seed of failing) console.log(`  PROPERTY_SEED=${seed} npm run jest -- ${selected}`);
}
process.exitCode = failing.length > 0 ? 1 : interrupted ? 130 : 0;
