import { appendFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { root, serviceNames } from '../../scripts/platform/settings.ts';
import { docker, execute } from './compose.ts';
import { buildService, removeImage, testTag } from './images.ts';

/** The images that are deployed. Needs a Docker engine. */

const base = 'gcr.io/distroless/nodejs24-debian12:nonroot';
const nameOf = (service: string) => `monde-sauvage/${service}:${testTag}`;

const inspected = z.array(
  z.object({
    Config: z.object({ User: z.string(), Healthcheck: z.object({ Test: z.array(z.string()) }).optional() }),
    RootFS: z.object({ Layers: z.array(z.string()) }),
    Size: z.number(),
  }),
);
const inspect = async (image: string) => inspected.parse(JSON.parse(await docker('image', 'inspect', image)))[0];

/** What is in /app, and whether code of the stand-ins is among it. */
const listing = `const { readdirSync, readFileSync } = require('node:fs');
  const files = readdirSync('/app', { recursive: true, withFileTypes: true }).filter(file => file.isFile());
  const paths = files.map(file => file.parentPath + '/' + file.name);
  const code = paths.filter(path => path.endsWith('.mjs')).map(path => readFileSync(path, 'utf8')).join('');
  console.log(JSON.stringify({ paths, emulator: code.includes('_emulator/') }));`;

describe('the image of each service', () => {
  it.each(serviceNames)('of %s adds less than 80 MB, runs as nobody, and says by Node how it is', async service => {
    const [image, empty] = await Promise.all([inspect(nameOf(service)), inspect(base)]);
    expect((image?.Size ?? 0) - (empty?.Size ?? 0)).toBeLessThan(80_000_000);
    expect(image?.Config.User).toBe('65532:65532');
    expect(image?.Config.Healthcheck?.Test.slice(0, 2)).toEqual(['CMD', '/nodejs/bin/node']);
    expect(image?.RootFS.Layers.slice(0, empty?.RootFS.Layers.length)).toEqual(empty?.RootFS.Layers);
  });

  it.each(serviceNames)('of %s has no emulator and no development package in it', async service => {
    const found = z
      .object({ paths: z.array(z.string()), emulator: z.boolean() })
      .parse(JSON.parse(await docker('run', '--rm', nameOf(service), '-e', listing)));
    expect(found.emulator).toBe(false);
    const modules = new Set(found.paths.flatMap(path => /node_modules\/([^/]+)/.exec(path)?.[1] ?? []));
    expect([...modules]).toEqual(service === 'gateway' ? ['swagger-ui-dist'] : []);
    expect(found.paths.filter(path => path.endsWith('.ts'))).toEqual([]);
    expect(found.paths.includes('/app/dist/migrate.mjs')).toBe(service !== 'gateway');
    expect(found.paths.includes('/app/dist/ops.mjs')).toBe(service === 'gateway');
  });
});

it('a change in one service is built with the installed packages of the build before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'monde-sauvage-build-'));
  const tag = `${testTag}-changed`;
  try {
    // What git knows, as it is in the work tree: no installed packages, no generated clients.
    const known = await execute(
      ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'],
      {},
    );
    for (const file of known.split('\0')) {
      if (file !== '') await cp(join(root, file), join(folder, file)).catch(ignoreMissing);
    }
    await appendFile(join(folder, 'services', 'gateway', 'src', 'main.ts'), '// a change\n');
    const printed = await buildService('gateway', tag, folder);
    // The classic builder says so below the step, BuildKit above or behind it.
    const lines = printed.split('\n');
    const step = lines.findIndex(line => /RUN npm install/.test(line));
    expect(lines.slice(step, step + 2).join('\n')).toMatch(/Using cache|CACHED/);
    expect(await readFile(join(folder, 'services', 'gateway', 'src', 'main.ts'), 'utf8')).toContain('// a change');
  } finally {
    await removeImage(`monde-sauvage/gateway:${tag}`);
    await rm(folder, { recursive: true });
  }
}, 600_000);

/** Deleted in the work tree, not yet in git's index. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
