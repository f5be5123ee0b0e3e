import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Build } from './build.ts';

export interface Metrics {
  registry: Registry;
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(
    name: string,
    help: string,
    labels?: readonly string[],
    collect?: (gauge: Gauge) => void | Promise<void>,
  ): Gauge;
  /** Observes seconds. */
  histogram(name: string, help: string, labels?: readonly string[], buckets?: number[]): Histogram;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Prometheus metrics of one service, with Node's own; asking twice for one name gives the same metric.
 * @param build also told as `build_info{service,version,commit} 1`
 */
export function createMetrics(service: string, build?: Build): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  if (build) {
    const labels = { version: build.version, commit: build.commit };
    const help = 'Which code of the service runs; always 1';
    new Gauge({ name: 'build_info', help, labelNames: Object.keys(labels), registers: [registry] }).set(labels, 1);
  }
  const once = <M>(name: string, kind: new (...args: never[]) => M, make: () => M): M => {
    const known: unknown = registry.getSingleMetric(name);
    if (known === undefined) return make();
    if (known instanceof kind) return known;
    throw new Error(`metric ${name} already exists with another type`);
  };
  return {
    registry,
    counter: (name, help, labels = []) =>
      once(name, Counter, () => new Counter({ name, help, labelNames: [...labels], registers: [registry] })),
    gauge: (name, help, labels = [], collect) =>
      once(name, Gauge, () => {
        const gauge: Gauge = new Gauge({
          name,
          help,
          labelNames: [...labels],
          registers: [registry],
          ...(collect ? { collect: () => collect(gauge) } : {}),
        });
        return gauge;
      }),
    histogram: (name, help, labels = [], buckets = secondsBuckets) =>
      once(
        name,
        Histogram,
        () => new Histogram({ name, help, labelNames: [...labels], buckets, registers: [registry] }),
      ),
  };
}
