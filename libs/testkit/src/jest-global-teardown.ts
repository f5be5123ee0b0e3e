import type {} from './jest-global-setup.ts';

/** Ends the servers of the run, once, however often Jest asks. */
export default async function teardown(): Promise<void> {
  const servers = globalThis.mondeSauvageTestServers;
  globalThis.mondeSauvageTestServers = undefined;
  await (await servers)?.stop();
}
