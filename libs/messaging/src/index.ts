export { closeNats, connectNats, isConnected, type NatsConnection, pingNats } from './connection.ts';
export { consumeEvents, type EventHandler, type EventMeta, on } from './consume.ts';
export { type DeadLetter, listDeadLetters, replayDeadLetter } from './dead-letters.ts';
export { type OutboxRow, outboxRow } from './outbox.ts';
export { startOutboxRelay } from './outbox-relay.ts';
export { RemoteError, request } from './request.ts';
export { handle, type RequestContext, type RequestHandler, serveRequests } from './serve.ts';
export { ensureStream, type StreamOptions } from './streams.ts';
export { UnavailableError } from './unavailable-error.ts';
