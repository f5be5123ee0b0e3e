import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { tell } from '../libs/contracts/compatibility/compare-contracts.ts';
import { compareWithPublished, readAcceptedBreaks, writePublished } from '../libs/contracts/compatibility/published.ts';
import { describeContracts } from '../libs/contracts/compatibility/snapshot.ts';
import { root } from './platform/settings.ts';

/**
 * `npm run release [-- payment booking] [--dry-run] [--first-release]`: gives every service (or those named) that
 * changed since its last tag the version that its commits ask for, writes its CHANGELOG.md, stores the contracts as
 * released, commits and tags. Nothing is pushed. See CONTRIBUTING.md, "Releasing".
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'dry-run': { type: 'boolean', default: false }, 'first-release': { type: 'boolean', default: false } },
});
const dryRun = values['dry-run'];
const firstRelease = values['first-release'];

const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}

if (!dryRun && git('status', '--porcelain') !== '') stop('commit or put aside what has changed first');
if (!dryRun && git('branch', '--show-current') !== 'main') stop('releases are made on main');
const { breaks } = compareWithPublished();
if (breaks.length > 0)
  stop(`These contracts would break what runs (see npm run contracts):\n${tell(breaks).join('\n')}`);

// What only tests import is no reason to release (scripts/nx/imports.mjs); read when Nx makes its graph.
process.env.NX_GRAPH_FOR = 'release';
process.env.NX_DAEMON = 'false';
const { releaseChangelog, releaseVersion } = await import('nx/release');

const only = positionals.length === 0 ? {} : { projects: positionals.map(name => `@monde-sauvage/${name}`) };
const common = { ...only, dryRun, firstRelease };
const versions = await releaseVersion({ ...common, gitCommit: false, gitTag: false, stageChanges: true });
const released = Object.entries(versions.projectsVersionData).flatMap(([project, { newVersion }]) =>
  newVersion === null ? [] : [`${project}@${newVersion}`],
);
if (released.length === 0) stop('Nothing that a service is made of has changed since its last release.');
if (!dryRun) {
  writePublished(describeContracts(), readAcceptedBreaks());
  git('add', 'libs/contracts/published');
}
const { projectsVersionData: versionData, releaseGraph } = versions;
await releaseChangelog({ ...common, versionData, releaseGraph, gitCommit: true, gitTag: true, gitPush: false });

console.log(`\n${dryRun ? 'Would release' : 'Released'} ${released.join(', ')}`);
if (!dryRun) console.log('Look at the commit and its tags, then: git push --follow-tags, and npx nx run-many -t image');
