import { existsSync, readFileSync } from 'node:fs';
import { type Demo, demoSchema, isKnown } from '@monde-sauvage/emulators';
import { demoFile, readSettings } from '../../scripts/platform/settings.ts';

/**
 * Where the running system is: what DEMO_FILE or DEMO_URL names; else what `npm start` left in its data folder, if that
 * system answers; else what the `demo` container of docker-compose.yml publishes.
 * @throws Error saying how to start a system when none is found
 */
export async function findDemo(env: NodeJS.ProcessEnv): Promise<Demo> {
  if (env.DEMO_FILE) return readDemo(env.DEMO_FILE);
  if (env.DEMO_URL) return fetchDemo(env.DEMO_URL);
  const file = demoFile(readSettings(env).DATA_DIR);
  const local = existsSync(file) ? readDemo(file) : undefined;
  if (local && (await isKnown(local).catch(() => false))) return local;
  try {
    return await fetchDemo(`http://localhost:${env.DEMO_PORT || '4000'}/demo.json`);
  } catch {
    throw new Error('no running system was found: run npm start in another terminal, or docker compose up, first');
  }
}

const readDemo = (file: string): Demo => demoSchema.parse(JSON.parse(readFileSync(file, 'utf8')));

async function fetchDemo(url: string): Promise<Demo> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return demoSchema.parse(await response.json());
}
