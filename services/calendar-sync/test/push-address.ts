import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { calendarRequests, type RequestContract, type Result } from '@monde-sauvage/contracts';
import { z } from 'zod';

/** Stands in for the gateway: takes Google's pushes and asks calendar-sync what to answer. */
export async function startPushAddress(
  ask: <I extends z.ZodType, O extends z.ZodType>(
    contract: RequestContract<I, O>,
    input: z.input<I>,
  ) => Promise<Result<z.output<O>>>,
) {
  const pushHeaders = z.object({
    'x-goog-channel-id': z.string(),
    'x-goog-channel-token': z.string(),
    'x-goog-resource-id': z.string(),
    'x-goog-resource-state': z.string(),
    'x-goog-message-number': z.string(),
  });
  const server = createServer(async (message, response) => {
    try {
      const h = pushHeaders.parse(message.headers);
      const answer = await ask(calendarRequests.receivePush, {
        channelId: h['x-goog-channel-id'],
        channelToken: h['x-goog-channel-token'],
        resourceId: h['x-goog-resource-id'],
        resourceState: h['x-goog-resource-state'],
        messageNumber: h['x-goog-message-number'],
      });
      response.writeHead(answer.ok ? 204 : 404).end();
    } catch {
      response.writeHead(503).end();
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address() satisfies AddressInfo | string | null);
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
