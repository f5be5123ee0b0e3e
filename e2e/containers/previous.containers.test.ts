import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { serviceNames } from '../../scripts/platform/settings.ts';
import { docker } from './compose.ts';
import { buildAtCommit, describeCommit, findPreviousVersion, removeImage, tagVariable, testTag } from './images.ts';
import { look, prepareSystem, type System, untilHealthy } from './system.ts';

/**
 * Each service is released by itself: the version before this one must do its work among today's others, on a schema that
 * today's version has migrated. Needs a Docker engine and git's history.
 */

const tag = `${testTag}-previous`;
let system: System;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'monde-sauvage-previous-'));
  system = await prepareSystem();
  await system.single.run('up', '-d');
}, 600_000);

afterAll(async () => {
  await system?.remove();
  for (const service of serviceNames) await removeImage(`monde-sauvage/${service}:${tag}`);
  if (folder) await rm(folder, { recursive: true });
}, 600_000);

it.each(serviceNames)(
  'the previous version of %s does its work among the present versions of the others, and is replaced again',
  async service => {
    const commit = await findPreviousVersion(service);
    const say = tell(`${service} of ${await describeCommit(commit)}`);
    await buildAtCommit({ service, commit, tag, folder });
    say('built');
    const deploy = ['up', '-d', '--no-deps', service];

    await system.with({ [tagVariable(service)]: tag }).run(...deploy);
    expect(await imageOf(service)).toBe(await idOf(`monde-sauvage/${service}:${tag}`));
    await untilHealthy(system.single, service);
    say('healthy among the others of today');
    expect(await system.playDemo()).toContain('All five scenarios came true.');
    await system.checkInvariants();
    say('the demo came true, every invariant holds');

    await system.single.run(...deploy);
    expect(await imageOf(service)).toBe(await idOf(`monde-sauvage/${service}:${testTag}`));
    await untilHealthy(system.single, service);
    await system.checkInvariants();
    say('replaced by the version of today, every invariant holds');
  },
  1_200_000,
);

/** Says what was reached, and when: a build takes its time. */
function tell(what: string): (reached: string) => void {
  const began = performance.now();
  return reached =>
    process.stdout.write(`${what}: ${reached} (${((performance.now() - began) / 1_000).toFixed(0)} s)\n`);
}

const idOf = (image: string) => docker('image', 'inspect', '--format', '{{.Id}}', image);

async function imageOf(service: string): Promise<string> {
  const [name = ''] = await system.single.containers(service);
  return (await look(name)).Image;
}
