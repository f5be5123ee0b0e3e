/**
 * Splits NATS_URL and takes credentials out of it: the client ignores them in URLs, and they must not be logged.
 * @throws Error naming NATS_URL when it names no server
 */
export function parseServers(list: string): { servers: string[]; user?: string; pass?: string } {
  let credentials: { user: string; pass: string } | undefined;
  const servers = list
    .split(',')
    .map(server => server.trim())
    .filter(server => server !== '')
    .map(server => {
      const at = server.lastIndexOf('@');
      if (at < 0) return server;
      const start = server.indexOf('://') < 0 ? 0 : server.indexOf('://') + 3;
      const [user = '', ...pass] = server.slice(start, at).split(':');
      credentials ??= { user: decodeURIComponent(user), pass: decodeURIComponent(pass.join(':')) };
      return server.slice(0, start) + server.slice(at + 1);
    });
  if (servers.length === 0) throw new Error('NATS_URL names no server; for example nats://localhost:4222');
  return { servers, ...credentials };
}
