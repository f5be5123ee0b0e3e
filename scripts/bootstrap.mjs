/**
 * Runs a script of this project on a machine that has only Node (20 or newer) and git: installs the packages when the
 * lock file changed, generates the Prisma clients when a schema changed, then hands over to Node 24.
 * Usage: node scripts/bootstrap.mjs <script.ts> [arguments]. Everything below must run on Node 20.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const neededMajor = 24;

const fail = message => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const hashOf = path => createHash('sha256').update(readFileSync(path)).digest('hex');
const hasMark = (path, mark) => existsSync(path) && readFileSync(path, 'utf8') === mark;

let child;
let interrupted = false;
const interrupt = signal => {
  interrupted = true;
  child?.kill(signal);
};
// Ctrl-C reaches the whole foreground group by itself; a signal sent to this process alone is passed on.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupt(signal));
// npm that is killed tells nobody: its end is seen by having another parent.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent && !interrupted) interrupt('SIGTERM');
}, 500).unref();

function run(command, args, options = {}) {
  return new Promise((done, failed) => {
    child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.once('error', failed);
    child.once('exit', (code, signal) => done(code ?? (signal ? 130 : 1)));
  });
}

/** npm itself, to be run by a Node of our choice. */
function findNpm() {
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const npm = [process.env.npm_execpath, beside].find(path => path && existsSync(path));
  return npm ?? fail('npm was not found: run this through npm (npm start, npm test)');
}

async function install() {
  const mark = hashOf(join(root, 'package-lock.json'));
  const markFile = join(root, 'node_modules', '.installed-lock');
  if (hasMark(markFile, mark)) return;
  process.stdout.write('Installing packages (once, about a minute) …\n');
  const npm = findNpm();
  // No install script is needed, so none is run: what they would fetch from elsewhere is not wanted. Not `npm ci`: it
  // refuses a lock file that was made where other platforms' binaries cannot be had (docs/decisions/002).
  const install = [npm, 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await runNpm(process.execPath, install);
  // npm leaves out optional packages that want a newer Node than the one it runs on; the pinned one takes them.
  const node = findNode();
  if (node !== process.execPath) await runNpm(node, [...install, '--prefer-offline']);
  writeFileSync(markFile, mark);
}

async function runNpm(node, args) {
  const code = await run(node, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (interrupted) process.exit(130);
  if (code !== 0) fail('npm could not install the packages; see its message above. Is the npm registry reachable?');
}

/** Node 24: the pinned one from the packages, else the one that runs this. */
function findNode() {
  const pinned = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(pinned)) return pinned;
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return process.execPath;
  return fail(
    `Node ${neededMajor} is needed on ${process.platform}-${process.arch} and this is ${process.version}: install Node ${neededMajor} or newer.`,
  );
}

async function generate(node) {
  const services = readdirSync(join(root, 'services')).filter(name =>
    existsSync(join(root, 'services', name, 'prisma', 'schema.prisma')),
  );
  const prisma = join(root, 'node_modules', 'prisma');
  const version = JSON.parse(readFileSync(join(prisma, 'package.json'), 'utf8')).version;
  for (const name of services) {
    const schema = join(root, 'services', name, 'prisma', 'schema.prisma');
    const generated = join(root, 'services', name, 'src', 'generated');
    const mark = `${version} ${hashOf(schema)}`;
    if (hasMark(join(generated, '.schema'), mark)) continue;
    process.stdout.write(`Generating the database client of ${name} …\n`);
    // Prisma would download an engine it does not use for this; any executable satisfies it.
    const env = {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: node,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    };
    const cli = join(prisma, 'build', 'index.js');
    const output = [];
    const code = await new Promise(done => {
      child = spawn(node, [cli, 'generate', '--schema', schema], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.on('data', chunk => output.push(chunk));
      child.stderr.on('data', chunk => output.push(chunk));
      child.once('exit', done);
    });
    if (interrupted) process.exit(130);
    if (code !== 0) fail(`prisma generate failed for ${name}:\n${Buffer.concat(output)}`);
    mkdirSync(generated, { recursive: true });
    writeFileSync(join(generated, '.schema'), mark);
  }
}

await install();
const node = findNode();
await generate(node);
const [script, ...args] = process.argv.slice(2);
if (!script) process.exit(0);
const path = [join(root, 'node_modules', '.bin'), dirname(node), process.env.PATH].join(
  process.platform === 'win32' ? ';' : ':',
);
process.exit(await run(node, [join(root, script), ...args], { env: { ...process.env, PATH: path } }));
