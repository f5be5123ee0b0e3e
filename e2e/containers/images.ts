import { spawnSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/platform/settings.ts';
import { composeProject, docker, execute } from './compose.ts';

/** Every image that docker-compose.yml and the cluster's file build, by the variable that chooses its tag. */
const images = [
  'booking',
  'availability',
  'calendar-sync',
  'payment',
  'gateway',
  'nats',
  'emulators',
  'invariants',
  'proxy',
];

export const testTag = 'test';
export const tagVariable = (image: string): string => `${image.toUpperCase().replaceAll('-', '_')}_TAG`;

/** The variables that make compose use and build `monde-sauvage/<image>:test`. */
export const testTags = (): Record<string, string> =>
  Object.fromEntries(images.map(image => [tagVariable(image), testTag]));

const idOf = (image: string): Promise<string | undefined> =>
  docker('image', 'inspect', '--format', '{{.Id}}', image).catch(() => undefined);

/**
 * Builds every image from the work tree, with tags that are kept: their layers are the next build's cache. What they
 * replace is removed, so that a machine on which this runs often does not fill up.
 */
export async function buildImages(): Promise<void> {
  const names = images.map(image => `monde-sauvage/${image}:${testTag}`);
  const before = await Promise.all(names.map(idOf));
  const o = { project: 'monde-sauvage-test', env: testTags() };
  await composeProject({ ...o, files: ['docker-compose.yml'] }).run('--profile', 'tools', 'build');
  await composeProject({ ...o, files: ['docker-compose.yml', 'docker-compose.cluster.yml'] }).run('build', 'gateway');
  const after = new Set(await Promise.all(names.map(idOf)));
  const replaced = before.filter(id => id !== undefined).filter(id => !after.has(id));
  for (const id of new Set(replaced)) await removeImage(id);
}

/** As far as nothing else needs it. */
export const removeImage = (image: string): Promise<unknown> =>
  docker('image', 'rm', image).catch(() => 'in use: it stays');

/** What a service's image is made of, for git. Tests are no part of it. */
const madeOf = (service: string) => [
  `services/${service}`,
  ...['contracts', 'messaging', 'persistence', 'service-kit'].map(lib => `libs/${lib}`),
  ...['deploy/docker', 'package-lock.json', 'tsconfig.base.json'],
  ...[':(exclude,glob)**/*.test.ts', ':(exclude,glob)**/test/**'],
];

const git = (...args: string[]): Promise<string> => execute(['git', ...args], {});

/**
 * The commit of the version of a service that came before the one in the work tree: what PREVIOUS_REF names; else its last
 * release, if it has changed since; else the last commit at which its image was made of something else.
 * @throws Error saying what to do when the history does not reach that far
 */
export async function findPreviousVersion(service: string, asked = process.env.PREVIOUS_REF): Promise<string> {
  if (asked) return git('rev-parse', '--verify', `${asked}^{commit}`);
  const parts = madeOf(service);
  const released = await git('describe', '--tags', '--abbrev=0', '--match', `@monde-sauvage/${service}@*`).catch(
    () => '',
  );
  if (released && (await git('diff', '--name-only', released, '--', ...parts)) !== '') {
    return git('rev-parse', `${released}^{commit}`);
  }
  if ((await git('status', '--porcelain', '--', ...parts)) !== '') return git('rev-parse', 'HEAD');
  const changed = await git('log', '-1', '--first-parent', '--format=%H', '--', ...parts);
  const hasParent = spawnSync('git', ['rev-parse', '--verify', '--quiet', `${changed}^`], { cwd: root }).status === 0;
  if (changed && hasParent) return git('rev-parse', `${changed}^`);
  throw new Error(
    `the version of ${service} before this one is not in this clone: fetch the history (git fetch --unshallow), or name it in PREVIOUS_REF`,
  );
}

/** For people: its short id, time and first line. */
export const describeCommit = (commit: string): Promise<string> =>
  git('log', '-1', '--date=iso', '--format=%h, %ad, “%s”', commit);

/** Builds the image of a service from the sources, and with the Dockerfile, of a commit. `folder` is for those sources. */
export async function buildAtCommit(o: {
  service: string;
  commit: string;
  tag: string;
  folder: string;
}): Promise<void> {
  const sources = join(o.folder, `${o.service}-${o.commit}`);
  const archive = `${sources}.tar`;
  await mkdir(sources, { recursive: true });
  // With the modes of the work tree: the installed packages of its build are used again.
  await git('-c', 'tar.umask=user', 'archive', '--output', archive, o.commit);
  await execute(['tar', '-x', '-f', archive, '-C', sources], {});
  await buildService(o.service, o.tag, sources);
  await rm(sources, { recursive: true });
  await rm(archive);
}

/** @returns what the build printed */
export function buildService(service: string, tag: string, sources: string): Promise<string> {
  const file = join(sources, 'deploy', 'docker', 'Dockerfile');
  const image = `monde-sauvage/${service}:${tag}`;
  return docker('build', '--file', file, '--build-arg', `SERVICE=${service}`, '--tag', image, sources);
}
