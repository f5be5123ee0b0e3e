import { rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import type { Supervised } from './supervisor.ts';

/** How `npm run service` talks to a running `npm start`: HTTP over a socket file in the data folder. */
const socketFile = (dataDir: string) => join(dataDir, 'control.sock');

const actions = ['start', 'stop', 'restart', 'kill'] as const;
export const command = z.object({ action: z.enum(actions), service: z.string() });
export type Command = z.infer<typeof command>;

const perform: Record<Command['action'], (process: Supervised) => Promise<void>> = {
  start: async process => {
    await process.start();
    await process.ready();
  },
  stop: process => process.stop(),
  kill: process => process.kill(),
  restart: async process => {
    await process.stop();
    await process.start();
    await process.ready();
  },
};

/** Listens for commands about the given processes until closed. */
export async function serveControl(dataDir: string, processes: Supervised[]): Promise<{ close(): Promise<void> }> {
  rmSync(socketFile(dataDir), { force: true });
  const server = createServer(async (incoming, response) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(Buffer.from(part));
    try {
      const asked = command.parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
      const process = processes.find(candidate => candidate.name === asked.service);
      if (!process) throw new Error(`no service ${asked.service}; there are ${processes.map(p => p.name).join(', ')}`);
      await perform[asked.action](process);
      response.end(JSON.stringify({ ok: true, pid: process.pid() ?? null }));
    } catch (error) {
      response.statusCode = 400;
      response.end(JSON.stringify({ ok: false, message: error instanceof Error ? error.message : String(error) }));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketFile(dataDir), resolve);
  });
  return {
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const reply = z.object({ ok: z.boolean(), message: z.string().optional(), pid: z.number().nullable().optional() });

/** Sends one command. @throws Error when no system runs on this data folder, or the command failed */
export function sendCommand(dataDir: string, asked: Command): Promise<z.infer<typeof reply>> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socketFile(dataDir), method: 'POST', path: '/' }, async response => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(Buffer.from(part));
      const answer = reply.parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
      if (answer.ok) resolve(answer);
      else reject(new Error(answer.message));
    });
    call.once('error', () => reject(new Error('the system is not running: start it with npm start')));
    call.end(JSON.stringify(asked));
  });
}
