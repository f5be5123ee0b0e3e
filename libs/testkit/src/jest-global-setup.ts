import { startTestServers } from './test-servers.ts';

/**
 * Starts the servers of the run. Several Jest projects name this file, so it may be called more than once; the
 * servers are remembered on `globalThis`, since Jest may load this module and the teardown's apart.
 */
export default async function setup(): Promise<void> {
  globalThis.mondeSauvageTestServers ??= startTestServers();
  await globalThis.mondeSauvageTestServers;
}

declare global {
  var mondeSauvageTestServers: ReturnType<typeof startTestServers> | undefined;
}
