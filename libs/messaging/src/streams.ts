import { type StreamName, streams } from '@monde-sauvage/contracts';
import { fullJitter } from '@monde-sauvage/service-kit';
import {
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats';

export interface StreamOptions {
  /** Copies in the cluster, 1 to 5. Undefined: one for a new stream, and as it is for an existing one. */
  replicas?: number | undefined;
  /** How long events stay for consumers that are away (7 days). */
  maxAgeDays?: number | undefined;
  /** How long to wait for JetStream to be ready, e.g. while a cluster elects its leader (15 s). */
  timeoutMs?: number | undefined;
}

const dayMs = 86_400_000;

/** Time during which a second publish with the same Nats-Msg-Id is dropped. Only an optimisation: consumers compare versions. */
const duplicateWindowMs = 120_000;

/** A snapshot is a few kilobytes; anything near this is a mistake. */
const maxMessageBytes = 1_048_576;

/** JetStream: "no suitable peers for placement", which passes once the cluster's other nodes are up. */
const noSuitablePeers = 10_005;

/**
 * Creates the publisher's stream or brings its configuration up to date; doing it twice, or from several replicas at
 * once, changes nothing. Limits retention: work-queue and interest retention lose messages for consumers to come.
 * @throws Error when JetStream is not ready in time, or refuses the configuration
 */
export async function ensureStream(nc: NatsConnection, stream: StreamName, o: StreamOptions = {}): Promise<void> {
  const giveUpAt = Date.now() + (o.timeoutMs ?? 15_000);
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await createOrUpdate(await nc.jetstreamManager({ checkAPI: false, timeout: 5_000 }), stream, o);
    } catch (error) {
      if (isRefusal(error) || nc.isClosed() || Date.now() > giveUpAt) {
        throw new Error(`stream ${stream} could not be created: ${describeError(error)}`, { cause: error });
      }
      await new Promise(resolve => setTimeout(resolve, fullJitter(attempt, { baseMs: 100, capMs: 2_000 })));
    }
  }
}

async function createOrUpdate(jsm: JetStreamManager, stream: StreamName, o: StreamOptions): Promise<void> {
  const wanted = {
    subjects: [...streams[stream].subjects],
    max_age: nanos((o.maxAgeDays ?? 7) * dayMs),
    duplicate_window: nanos(duplicateWindowMs),
    max_msg_size: maxMessageBytes,
    discard: DiscardPolicy.Old,
    allow_direct: true,
    ...(o.replicas === undefined ? {} : { num_replicas: o.replicas }),
  } satisfies Partial<StreamConfig>;
  let current = await findStream(jsm, stream);
  if (current === undefined) {
    try {
      await jsm.streams.add({ name: stream, retention: RetentionPolicy.Limits, storage: StorageType.File, ...wanted });
      return;
    } catch (error) {
      // Another replica was faster, perhaps with other settings.
      current = await findStream(jsm, stream);
      if (current === undefined) throw error;
    }
  }
  if (differs(current, wanted)) await jsm.streams.update(stream, wanted);
}

async function findStream(jsm: JetStreamManager, stream: string): Promise<StreamConfig | undefined> {
  try {
    return (await jsm.streams.info(stream)).config;
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.code === 404) return undefined;
    throw error;
  }
}

const differs = (current: StreamConfig, wanted: Partial<StreamConfig>): boolean => {
  const comparable = (value: unknown) => JSON.stringify(Array.isArray(value) ? [...value].sort() : value);
  const currently: Record<string, unknown> = { ...current };
  return Object.entries(wanted).some(([key, value]) => comparable(currently[key]) !== comparable(value));
};

/** A refusal will be the same next time; anything else may pass. */
const isRefusal = (error: unknown): boolean =>
  error instanceof NatsError &&
  ((error.api_error !== undefined && error.api_error.code < 500 && error.api_error.err_code !== noSuitablePeers) ||
    error.isPermissionError());

/** One line for logs and `last_error` columns. */
export function describeError(error: unknown): string {
  if (error instanceof NatsError && error.code === '503' && error.api_error === undefined) return 'no responders';
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ').slice(0, 1_000);
}
