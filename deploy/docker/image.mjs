/**
 * Builds one service's image: `node deploy/docker/image.mjs services/booking`. It is tagged, and labelled, with the
 * version of the service's package.json and the commit that is checked out.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const source = process.argv[2];
if (!source) throw new Error('usage: node deploy/docker/image.mjs <source folder>');
const service = basename(source);
const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
const revision = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
const changed = execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' }).trim() !== '';

const args = { SERVICE: service, SOURCE: source, VERSION: version, REVISION: changed ? `${revision}-dirty` : revision };
execFileSync(
  'docker',
  [
    'build',
    ...['--file', 'deploy/docker/Dockerfile'],
    ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...['--tag', `monde-sauvage/${service}:${version}`],
    '.',
  ],
  { stdio: 'inherit' },
);
