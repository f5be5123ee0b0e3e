import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/** OTLP/HTTP with JSON, as far as a test looks at it. */
const traces = z.object({
  resourceSpans: z.array(
    z.object({
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              name: z.string(),
              kind: z.int(),
              status: z.object({ code: z.int().optional() }),
              attributes: z.array(
                z.object({
                  key: z.string(),
                  value: z
                    .object({ stringValue: z.string(), intValue: z.number() })
                    .partial()
                    .transform(value => value.stringValue ?? value.intValue),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
});

export type CollectedSpan = z.output<typeof traces>['resourceSpans'][number]['scopeSpans'][number]['spans'][number];

/** A collector that keeps what it gets: the spans, and all of it as text. */
export async function startCollector() {
  const collected: { spans: CollectedSpan[]; text: string } = { spans: [], text: '' };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    collected.text += body;
    for (const { scopeSpans } of traces.parse(JSON.parse(body)).resourceSpans) {
      collected.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
    }
    response.end('{}');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(collected, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}
