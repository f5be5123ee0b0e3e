import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Incoming {
  method: string;
  path: string;
  query: string;
  body: string;
  headers: Record<string, string | undefined>;
}

export interface Outgoing {
  status: number;
  body: string;
  headers: Record<string, string>;
}

export interface EmulatorServer {
  port: number;
  /** Breaks every connection; `spared` paths are still served while down. */
  goDown(): void;
  goUp(): void;
  close(): Promise<void>;
}

const largestBody = 1024 * 1024;

/** An HTTP server whose handler answers with undefined to break the connection instead of answering. */
export async function listen(o: {
  port: number;
  host: string;
  /** Served also while down. */
  isSpared(path: string): boolean;
  answer(request: Incoming): Promise<Outgoing | undefined>;
}): Promise<EmulatorServer> {
  const sockets = new Set<Socket>();
  const spared = new Set<Socket>();
  let down = false;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://emulator');
    const isSpared = o.isSpared(pathname);
    if (down && !isSpared) return void request.socket.destroy();
    if (isSpared) spared.add(request.socket);
    try {
      const incoming: Incoming = {
        method: request.method ?? 'GET',
        path: pathname,
        query: search.slice(1),
        body: await readBody(request),
        headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      };
      const outgoing = await o.answer(incoming);
      if (outgoing === undefined || (down && !isSpared)) return void request.socket.destroy();
      response.writeHead(outgoing.status, outgoing.headers).end(outgoing.body);
    } catch (error) {
      // A fault in the emulator itself: say so to the one who called, who is a developer.
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(message);
    } finally {
      spared.delete(request.socket);
    }
  };

  const server = createServer((request, response) => void serve(request, response));
  server.on('connection', socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await startListening(server, o.port, o.host);

  return {
    port: portOf(server),
    goDown() {
      down = true;
      for (const socket of sockets) if (!spared.has(socket)) socket.destroy();
    },
    goUp() {
      down = false;
    },
    async close() {
      await new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function startListening(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a TCP port.');
  return address.port;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > largestBody) throw new Error(`The body is larger than ${largestBody} bytes.`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
