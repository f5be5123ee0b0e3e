import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { httpRoutes } from '@monde-sauvage/contracts';
import { parse } from 'yaml';
import { z } from 'zod';
import { root, rowKeepers, type ServiceName, serviceNames } from '../../scripts/platform/settings.ts';
import { readConfig as readAvailability } from '../../services/availability/src/config.ts';
import { readConfig as readBooking } from '../../services/booking/src/config.ts';
import { readConfig as readCalendarSync } from '../../services/calendar-sync/src/config.ts';
import { readConfig as readGateway } from '../../services/gateway/src/config.ts';
import { readConfig as readPayment } from '../../services/payment/src/config.ts';
import { checkEnvironment } from './environment.ts';
import { compareFlows, pictures, readFlows } from './flows.ts';
import { type K8sObject, nameOf, ofKind } from './objects.ts';
import { podRules, tagOf } from './pod-rules.ts';
import { kustomizations, render } from './render.ts';
import { deniesByDefault, isBackedUp, objectRules, poolsFit, productionRules } from './rules.ts';
import { checkFields, checkValues } from './schema.ts';

/** deploy/k8s as `kubectl apply -k` would send it. Needs kubectl, and neither a cluster nor the network. */

const environments = ['dev', 'production'] as const;
const whole = (environment: (typeof environments)[number]) => render(`overlays/${environment}`);
const one = (service: string, environment: string) => render(`services/${service}/overlays/${environment}`);
const sentences = (rules: Record<string, (objects: K8sObject[]) => string[]>, objects: K8sObject[]) =>
  Object.values(rules).flatMap(rule => rule(objects));

const configs: Record<ServiceName, (env: Record<string, string>) => object> = {
  gateway: readGateway,
  booking: readBooking,
  availability: readAvailability,
  'calendar-sync': readCalendarSync,
  payment: readPayment,
};
const compose = z
  .object({
    services: z.record(z.string(), z.looseObject({ environment: z.record(z.string(), z.string()).optional() })),
  })
  .parse(parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }));
/** dist/migrate.mjs reads this alone. */
const readMigrate = (env: Record<string, string>) => z.object({ DATABASE_URL: z.string() }).parse(env);

describe('every kustomization', () => {
  it.each(kustomizations())('of %s renders', folder => {
    expect(render(folder).length).toBeGreaterThan(0);
  });

  it('is one of the known ones, so that none is left out of the rules', () => {
    const layers = ['base', 'overlays/dev', 'overlays/production'];
    const expected = [
      'emulators',
      'emulators/demo',
      'emulators/emulators',
      ...environments.map(environment => `overlays/${environment}`),
      ...layers.map(layer => `platform/${layer}`),
      ...serviceNames.flatMap(service => layers.map(layer => `services/${service}/${layer}`)),
      ...rowKeepers.flatMap(service => [...layers, 'restore'].map(layer => `databases/${service}/${layer}`)),
    ];
    expect(kustomizations()).toEqual(expected.sort());
  });
});

describe.each(environments)('the whole of %s', environment => {
  const objects = whole(environment);

  it('is of the published types of Kubernetes and CloudNativePG, with no field that they do not have', () => {
    expect(checkValues(objects)).toEqual([]);
    expect(checkFields(objects)).toEqual([]);
  });

  it('keeps every rule for pods and for what stands around them', () => {
    expect(sentences({ ...podRules, ...objectRules, deniesByDefault, poolsFit }, objects)).toEqual([]);
  });

  it('lets through the flows of the architecture picture, and no other', () => {
    const { open, half } = readFlows(objects);
    expect(half).toEqual([]);
    expect(compareFlows(open, pictures[environment])).toEqual([]);
  });

  it('is the sum of its parts: what is applied alone is what the whole holds', () => {
    const parts = [
      ...render(`platform/overlays/${environment}`),
      ...rowKeepers.flatMap(service => render(`databases/${service}/overlays/${environment}`)),
      ...serviceNames.flatMap(service => one(service, environment)),
      ...(environment === 'dev' ? render('emulators') : []),
    ];
    const byName = (list: K8sObject[]) => new Map(list.map(object => [nameOf(object), object]));
    expect(byName(objects)).toEqual(byName(parts));
    expect(objects).toHaveLength(parts.length);
  });

  it('is all in one namespace', () => {
    const [namespace, ...others] = new Set(
      objects.map(({ kind, metadata }) => (kind === 'Namespace' ? metadata.name : metadata.namespace)),
    );
    expect(others).toEqual([]);
    expect(namespace).toBe(environment === 'production' ? 'monde-sauvage' : 'monde-sauvage-dev');
  });
});

describe.each(serviceNames)('%s', service => {
  it.each(environments)('is deployed in %s with its own objects alone', environment => {
    const objects = one(service, environment);
    expect(new Set(objects.map(({ metadata }) => metadata.name))).toEqual(new Set([service]));
    expect(objects.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['Deployment', 'Service', 'ServiceAccount', 'NetworkPolicy']),
    );
    expect(objects.filter(({ kind }) => ['Namespace', 'Cluster', 'Secret'].includes(kind))).toEqual([]);
  });

  it.each(environments)('finds in %s every variable it requires, and none that it does not know', environment => {
    const problems = ofKind('Deployment', one(service, environment)).flatMap(deployment => {
      const { initContainers, containers } = deployment.spec.template.spec;
      return [
        ...containers.flatMap(container => checkEnvironment(nameOf(deployment), container, configs[service])),
        ...initContainers.flatMap(container => checkEnvironment(nameOf(deployment), container, readMigrate)),
      ];
    });
    expect(problems).toEqual([]);
  });

  it('is given every variable that docker-compose.yml gives it', () => {
    const given = new Set(
      environments.flatMap(environment =>
        ofKind('Deployment', one(service, environment)).flatMap(({ spec }) =>
          spec.template.spec.containers.flatMap(({ env }) => env.map(({ name }) => name)),
        ),
      ),
    );
    expect(Object.keys(compose.services[service]?.environment ?? {}).filter(name => !given.has(name))).toEqual([]);
  });

  it('runs in production as a release that has been made, with somebody to replace it', () => {
    const objects = one(service, 'production');
    expect(sentences(productionRules, objects)).toEqual([]);
    const made = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(join(root, 'services', service, 'package.json'), 'utf8'))).version;
    const images = ofKind('Deployment', objects).flatMap(({ spec }) => spec.template.spec.containers);
    for (const { image } of images) {
      const order = (tagOf(image) ?? '').localeCompare(made, 'en', { numeric: true });
      expect({ image, made, newerThanMade: order > 0 }).toEqual({ image, made, newerThanMade: false });
    }
  });
});

describe('production', () => {
  const objects = whole('production');

  it('backs every database up and archives its log', () => {
    expect(isBackedUp(objects)).toEqual([]);
    expect(ofKind('Cluster', objects).map(({ metadata }) => metadata.name)).toEqual(
      rowKeepers.map(service => `${service}-db`).sort(),
    );
  });

  it.each([...rowKeepers])(
    'can be given the database of %s as it was, without writing into its old backups',
    service => {
      const restored = render(`databases/${service}/restore`);
      expect([...checkValues(restored), ...checkFields(restored), ...isBackedUp(restored)]).toEqual([]);
      const name = `${service}-db`;
      const before = ofKind('Cluster', objects).find(({ metadata }) => metadata.name === name)?.spec.bootstrap?.initdb;
      const [cluster] = ofKind('Cluster', restored);
      expect(cluster?.spec.bootstrap).toEqual({
        recovery: {
          source: 'backups',
          database: before?.database,
          owner: before?.owner,
          recoveryTarget: { targetTime: expect.any(String) },
        },
      });
      expect(cluster?.spec.externalClusters).toEqual([
        {
          name: 'backups',
          plugin: {
            name: 'barman-cloud.cloudnative-pg.io',
            parameters: { barmanObjectName: name, serverName: name },
          },
        },
      ]);
      expect(cluster?.spec.plugins.map(({ parameters }) => parameters.serverName)).toEqual([`${name}-restored`]);
    },
  );

  it('knows nothing of emulators or the demo', () => {
    expect(productionRules.hasNoEmulator(objects)).toEqual([]);
    expect(productionRules.hasNoEmulator(whole('dev'))).not.toEqual([]);
  });

  it('shows the world every public route over TLS, and no operator route', () => {
    const [ingress, ...more] = ofKind('Ingress', objects);
    expect(more).toEqual([]);
    const [rule] = ingress?.spec.rules ?? [];
    const leads = (path: string) =>
      (rule?.http.paths ?? []).some(each =>
        each.pathType === 'Exact' ? path === each.path : path === each.path || path.startsWith(`${each.path}/`),
      );
    const routes = Object.values(httpRoutes);
    const operators = routes.filter(({ who }) => who.includes('operator')).map(({ path }) => path);
    expect([...operators].sort()).toEqual(['/livez', '/metrics', '/readyz']);
    expect(operators.filter(leads)).toEqual([]);
    const open = routes.filter(({ who }) => !who.includes('operator')).map(({ path }) => path);
    const pages = ['/', '/checkout/success', '/checkout/cancelled', '/docs/swagger-ui.css'];
    expect([...open, ...pages].filter(path => !leads(path))).toEqual([]);
    expect(ingress?.spec.tls.flatMap(({ hosts }) => hosts)).toEqual([rule?.host]);
    const publicUrls = ofKind('Deployment', objects)
      .flatMap(({ spec }) => spec.template.spec.containers.flatMap(({ env }) => env))
      .filter(({ name }) => name === 'PUBLIC_URL');
    expect(new Set(publicUrls.map(({ value }) => value))).toEqual(new Set([`https://${rule?.host}`]));
  });
});
