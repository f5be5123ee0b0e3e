import type { Msg } from 'nats';

/** A message as a consumer got it, with the ways to settle it. */
export interface PulledMessage {
  subject: string;
  stream: string;
  streamSequence: number;
  /** 1 for the first delivery. */
  deliveries: number;
  /** When the stream took it. */
  storedAt: Date;
  text: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  ack(): void;
  /** To be delivered again, in `delayMs`. A bare nak would come back at once. */
  nak(delayMs: number): void;
  /** Never to be delivered again. */
  term(reason: string): void;
  /** Still busy: starts ack_wait anew. */
  working(): void;
}

/** undefined when it is not a message of a stream but a status of the pull protocol. */
export function toPulledMessage(message: Msg): PulledMessage | undefined {
  const origin = parseAckSubject(message.reply);
  if (origin === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (const [name, values] of message.headers ?? []) headers[name.toLowerCase()] = values.join(', ');
  return {
    subject: message.subject,
    ...origin,
    text: message.string(),
    headers,
    ack: () => void message.respond('+ACK'),
    nak: delayMs => void message.respond(`-NAK {"delay": ${Math.max(1, Math.round(delayMs)) * 1_000_000}}`),
    term: reason => void message.respond(`+TERM ${reason}`),
    working: () => void message.respond('+WPI'),
  };
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>`, or the longer form of newer
 * servers with `<domain>.<account>` in front of the stream and a token at the end.
 */
export function parseAckSubject(
  reply: string | undefined,
): Pick<PulledMessage, 'stream' | 'deliveries' | 'streamSequence' | 'storedAt'> | undefined {
  if (!reply?.startsWith('$JS.ACK.')) return undefined;
  const tokens = reply.split('.');
  const [stream = '', , deliveries, sequence, , nanoseconds] = tokens.slice(tokens.length >= 11 ? 4 : 2);
  return {
    stream,
    deliveries: Number(deliveries),
    streamSequence: Number(sequence),
    storedAt: new Date(Number(BigInt(nanoseconds ?? '0') / 1_000_000n)),
  };
}
