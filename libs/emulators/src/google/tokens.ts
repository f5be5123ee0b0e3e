import { z } from 'zod';
import { fullSyncRequired, invalid } from './errors.ts';
import type { Calendar } from './state.ts';

const windowShape = { from: z.number().optional(), to: z.number().optional() };

const syncToken = z.object({
  kind: z.literal('sync'),
  calendarId: z.string(),
  epoch: z.string(),
  /** Changes up to here are known to the holder. */
  seq: z.number(),
  singleEvents: z.boolean(),
  ...windowShape,
});
export type SyncToken = z.infer<typeof syncToken>;

const pageToken = z.object({
  kind: z.literal('page'),
  /** The query it continues; the other parameters must be the same on every page. */
  query: z.string(),
  /** Key of the last item that was handed out. */
  after: z.string(),
  /** Changes known when the first page was made: the sync token of the last page starts here. */
  seq: z.number(),
});
export type PageToken = z.infer<typeof pageToken>;

/** Tokens are opaque to clients: base64url over JSON. */
export function encodeToken(token: SyncToken | PageToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** @throws GoogleApiError 410 `fullSyncRequired` for a token that is expired, of another calendar, or no token at all */
export function readSyncToken(text: string, calendar: Calendar): SyncToken {
  const token = decode(text, syncToken);
  if (token?.calendarId !== calendar.id || token.epoch !== calendar.syncEpoch || token.seq > calendar.seq) {
    throw fullSyncRequired();
  }
  return token;
}

/** @throws GoogleApiError 400 for a token that belongs to another query */
export function readPageToken(text: string, query: string): PageToken {
  const token = decode(text, pageToken);
  if (token?.query !== query) throw invalid('Invalid page token value.', 'pageToken');
  return token;
}

function decode<S extends z.ZodType>(text: string, schema: S): z.output<S> | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
