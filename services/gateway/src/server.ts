import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { listen, newId } from '@monde-sauvage/service-kit';
import { makeProblem } from './problems.ts';

export interface HttpServer {
  readonly port: number;
  /** @throws PortInUseError naming the port and the variable that moves it */
  listen(port: number, host: string): Promise<void>;
  /** Takes no new connections, lets requests in flight end, then cuts what is left. */
  close(): Promise<void>;
}

/** How long requests in flight may take to end at shutdown; the process has 10 s in all. */
const finishMs = 7_000;
const sweepMs = 50;

/** An HTTP server with timeouts against slow senders, and an orderly end. */
export function createHttpServer(app: RequestListener): HttpServer {
  const server = createServer(app);
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than a load balancer's own (60 s as a rule), so that it never sends into a connection we are closing.
  server.keepAliveTimeout = 65_000;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(refuseUnreadable());
  });

  // Opened ahead by browsers and balancers, and silent so far: Node does not count these as idle.
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', request => silent.delete(request.socket));

  return {
    get port() {
      const address = server.address();
      return address && typeof address === 'object' ? address.port : 0;
    },
    listen: (port, host) => listen(server, port, host),
    async close() {
      const limit = setTimeout(() => server.closeAllConnections(), finishMs);
      // Node closes the connections that are idle at once, not those that become idle with their last answer.
      const sweep = setInterval(() => {
        server.closeIdleConnections();
        for (const socket of silent) socket.destroy();
      }, sweepMs);
      await new Promise<void>(resolve => server.close(() => resolve()));
      clearInterval(sweep);
      clearTimeout(limit);
    },
  };
}

/** An answer to what Node's parser could not read, or found too large. */
function refuseUnreadable(): string {
  const requestId = newId();
  const detail = 'This is not an HTTP request that can be read.';
  const problem = makeProblem({ code: 'validation_failed', status: 400, detail }, { instance: '/', requestId });
  const body = JSON.stringify(problem);
  const head = [
    'HTTP/1.1 400 Bad Request',
    'content-type: application/problem+json',
    `x-request-id: ${requestId}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
