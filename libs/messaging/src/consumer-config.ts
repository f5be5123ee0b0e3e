import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type NatsConnection,
  NatsError,
  nanos,
  ReplayPolicy,
} from 'nats';

/** Unsettled messages over all replicas; failing ones that wait for their next try count, so it is generous. */
const maxAckPending = 2_048;

/**
 * Creates the durable consumer, or brings its filter and limits up to date. Subjects are only ever added to the filter:
 * an older version that starts beside a newer one, or after a rollback, would otherwise have the server pass over what
 * only the newer one handles, for good. It gives such an event up instead, to be replayed. The stream belongs to the
 * publisher and is not created here.
 * @throws NatsError while the stream does not exist or JetStream is not ready
 */
export async function ensureConsumer(
  nc: NatsConnection,
  o: { stream: string; durable: string; subjects: string[]; ackWaitMs: number },
): Promise<void> {
  const jsm = await nc.jetstreamManager({ checkAPI: false, timeout: 5_000 });
  const wanted = {
    // Always the list, also for one subject: the API subject, and so the permission it needs, stays the same.
    filter_subjects: [...o.subjects].sort(),
    ack_wait: nanos(o.ackWaitMs),
    max_deliver: -1,
    max_ack_pending: maxAckPending,
  } satisfies Partial<ConsumerConfig>;
  let current: ConsumerConfig;
  try {
    current = (await jsm.consumers.info(o.stream, o.durable)).config;
  } catch (error) {
    if (!(error instanceof NatsError) || error.message !== 'consumer not found') throw error;
    await jsm.consumers.add(o.stream, {
      durable_name: o.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      ...wanted,
    });
    return;
  }
  const filters = current.filter_subjects ?? (current.filter_subject === undefined ? [] : [current.filter_subject]);
  const filter_subjects = [...new Set([...filters, ...wanted.filter_subjects])].sort();
  const same =
    JSON.stringify([...filters].sort()) === JSON.stringify(filter_subjects) &&
    current.ack_wait === wanted.ack_wait &&
    current.max_deliver === wanted.max_deliver &&
    current.max_ack_pending === wanted.max_ack_pending;
  if (!same) await jsm.consumers.update(o.stream, o.durable, { ...wanted, filter_subjects });
}
