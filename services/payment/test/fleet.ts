import { UnavailableError } from '@monde-sauvage/messaging';
import { atMost, type Clock } from '@monde-sauvage/service-kit';
import { type CrashPlan, cuttableLink, silentLogger } from '@monde-sauvage/testkit';
import { readConfig } from '../src/config.ts';
import type { CrashPoint } from '../src/crash-points.ts';
import { createPaymentService, type PaymentService } from '../src/service.ts';

/** A guest gives up after seconds; here it is known when there is nothing to wait for. */
const givenUpAfterMs = 200;
/** JetStream gives what a replica held when it ended to another one after this. */
const eventAckMs = 1_500;

/** Replicas of payment that may end abruptly at crash points, and are replaced when they do. */
export interface Fleet {
  /** Resolves when as many replicas run as should. */
  whole(): Promise<void>;
  /** Every replica ends where it is, and others come after `meanwhile`: nothing that one had begun outlasts it. */
  replace(meanwhile: () => void): void;
  /** One replica after the other, in turn, does now what it would do at its next interval. */
  nudge(): void;
  /** What `asked` comes to; gives up when a replica ends, since nobody else will answer for it. @throws UnavailableError */
  untilSomeoneEnds<T>(asked: Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

interface Replica {
  service: PaymentService;
  /** As if its process were killed. */
  end(): void;
  cut(): void;
}

export async function startFleet(o: {
  replicas: number;
  /** Where NATS, the database and Stripe are: each replica reaches them by links of its own. */
  servers: { NATS_URL: string; DATABASE_URL: string; STRIPE_API_BASE_URL: string };
  environment: Record<string, string>;
  crashes: CrashPlan<CrashPoint>;
  now: Clock;
}): Promise<Fleet> {
  const living = new Set<Replica>();
  const arriving = new Set<Promise<void>>();
  const buried: Promise<unknown>[] = [];
  let stopping = false;
  let loss = foretell();

  const launch = () => {
    const arrival = startReplica().finally(() => arriving.delete(arrival));
    arrival.catch(() => undefined); // told to who waits for the fleet to be whole
    arriving.add(arrival);
  };

  const startReplica = async (): Promise<void> => {
    const { NATS_URL, DATABASE_URL, STRIPE_API_BASE_URL } = o.servers;
    const links = await Promise.all([NATS_URL, DATABASE_URL, STRIPE_API_BASE_URL].map(cuttableLink));
    const [nats, database, stripe] = links.map(link => link.url);
    const cut = () => {
      for (const link of links) link.cut();
    };
    let ended = false;
    const end = () => {
      ended = true;
      living.delete(replica);
      cut();
      const { reject } = loss;
      loss = foretell();
      setTimeout(() => reject(new UnavailableError('payment', 'a replica ended')), givenUpAfterMs);
      buried.push(
        atMost(
          15_000,
          service.drain().catch(() => undefined),
        ),
      );
    };
    const ending = o.crashes.hookFor(() => {
      end();
      if (!stopping) launch();
    });
    // One that ends while it starts leaves open what it opened so far: a process would have taken that with it.
    const started = Promise.withResolvers<void>();
    const service = await createPaymentService(
      readConfig({ ...o.environment, NATS_URL: nats, DATABASE_URL: database, STRIPE_API_BASE_URL: stripe }),
      {
        now: o.now,
        logger: silentLogger,
        eventAckMs,
        passing: point => (ended ? new Promise(() => undefined) : started.promise.then(() => ending(point))),
      },
    );
    const replica = { service, end, cut };
    await service.start();
    living.add(replica);
    started.resolve();
  };

  const whole = async () => {
    while (arriving.size > 0) await Promise.all(arriving);
  };
  for (let each = 0; each < o.replicas; each += 1) launch();
  await whole();

  return {
    whole,
    replace(meanwhile) {
      const all = [...living];
      for (const replica of all) replica.end();
      meanwhile();
      for (const _ of all) launch();
    },
    nudge() {
      const [next] = living;
      if (next === undefined) return;
      living.delete(next);
      living.add(next);
      next.service.reconcileNow();
      next.service.announceBalancesNow();
    },
    untilSomeoneEnds: asked => Promise.race([asked, loss.promise]),
    async stop() {
      stopping = true;
      await whole();
      await Promise.all(buried);
      await Promise.all([...living].map(({ service }) => service.drain()));
      for (const { cut } of living) cut();
    },
  };
}

function foretell(): PromiseWithResolvers<never> {
  const foretold = Promise.withResolvers<never>();
  foretold.promise.catch(() => undefined);
  return foretold;
}
