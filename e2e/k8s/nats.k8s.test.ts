import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { root, serviceNames } from '../../scripts/platform/settings.ts';
import { ofKind } from './objects.ts';
import { manifests, render } from './render.ts';

/** The values of the NATS chart: what of them must fit to the services and to deploy/nats. */

const security = z.object({
  allowPrivilegeEscalation: z.literal(false),
  readOnlyRootFilesystem: z.literal(true),
  capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
});
const bounds = z.object({ cpu: z.string(), memory: z.string() });
const hardened = z.object({ securityContext: security, resources: z.object({ requests: bounds, limits: bounds }) });
const secretKey = z.object({ valueFrom: z.object({ secretKeyRef: z.object({ name: z.string(), key: z.string() }) }) });
const values = z
  .object({
    config: z.object({
      cluster: z.object({
        enabled: z.literal(true),
        replicas: z.literal(3),
        merge: z.object({ routes: z.array(z.string()) }),
      }),
      jetstream: z.object({
        enabled: z.literal(true),
        fileStore: z.object({ pvc: z.object({ enabled: z.literal(true), size: z.string() }) }),
      }),
      merge: z.looseObject({ $include: z.string() }),
    }),
    container: z.object({
      image: z.object({ repository: z.literal('nats'), tag: z.string().regex(/^\d+\.\d+\.\d+-alpine$/) }),
      env: z.record(z.string(), z.union([z.string(), secretKey])),
      merge: hardened,
      patch: z.array(z.object({ op: z.literal('add'), path: z.string(), value: z.record(z.string(), z.unknown()) })),
    }),
    reloader: z.object({ merge: hardened }),
    promExporter: z.object({ enabled: z.literal(true), merge: hardened }),
    podTemplate: z.object({
      topologySpreadConstraints: z.record(
        z.string(),
        z.object({ maxSkew: z.literal(1), whenUnsatisfiable: z.string() }),
      ),
      merge: z.object({
        spec: z.object({
          automountServiceAccountToken: z.literal(false),
          securityContext: z.looseObject({
            runAsNonRoot: z.literal(true),
            runAsUser: z.number().positive(),
            seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
          }),
        }),
      }),
      patch: z.array(z.object({ op: z.literal('add'), path: z.string(), value: z.record(z.string(), z.unknown()) })),
    }),
    podDisruptionBudget: z.object({ enabled: z.literal(true) }),
    natsBox: z.object({ enabled: z.literal(false) }),
  })
  .parse(parse(readFileSync(join(manifests, 'nats', 'values.yaml'), 'utf8'), { merge: true }));

const permissions = readFileSync(join(root, 'deploy', 'nats', 'permissions.conf'), 'utf8');
const { env } = values.container;
/** The Secret that `$(NAME)` in a variable comes from in the end, and whether it was defined before it. */
function secretBehind(variable: string): string | undefined {
  const helper = /^"?.*\$\((\w+)\)/.exec(String(env[variable]))?.[1] ?? '';
  const from = secretKey.safeParse(env[helper]).data?.valueFrom.secretKeyRef;
  // The chart writes variables in the order of their names; Kubernetes expands only what stands before.
  return from && helper < variable ? `${from.name}/${from.key}` : undefined;
}

describe('the values of the NATS chart', () => {
  it('include the very rules of compose, from the ConfigMap that is made of them', () => {
    expect(values.config.merge.$include).toBe('../nats-permissions/permissions.conf');
    expect(values.container.patch).toContainEqual({
      op: 'add',
      path: '/volumeMounts/-',
      value: { name: 'permissions', mountPath: '/etc/nats-permissions', readOnly: true },
    });
    expect(values.podTemplate.patch).toContainEqual({
      op: 'add',
      path: '/spec/volumes/-',
      value: { name: 'permissions', configMap: { name: 'nats-permissions' } },
    });
    for (const environment of ['dev', 'production']) {
      const made = render(`platform/overlays/${environment}`).find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'nats-permissions',
      );
      expect(made?.data).toEqual({ 'permissions.conf': permissions });
    }
  });

  it('give every user the password that its service logs in with', () => {
    const users = [...permissions.matchAll(/user: ([\w-]+), password: \$(\w+)/g)];
    expect(users.map(([, user]) => user).sort()).toEqual([...serviceNames].sort());
    for (const [, user = '', variable = ''] of users) {
      expect([user, secretBehind(variable)]).toEqual([user, `${user}-nats/password`]);
      const logins = ['dev', 'production'].flatMap(environment =>
        ofKind('Deployment', render(`services/${user}/overlays/${environment}`)).flatMap(({ spec }) =>
          spec.template.spec.containers.flatMap(container => container.env),
        ),
      );
      const passwords = logins.filter(({ name }) => name === 'NATS_PASSWORD');
      expect(passwords.map(({ valueFrom }) => valueFrom?.secretKeyRef)).toEqual([
        { name: `${user}-nats`, key: 'password' },
        { name: `${user}-nats`, key: 'password' },
      ]);
    }
  });

  it('lead the three nodes to each other under a password of their own', () => {
    const routes = values.config.cluster.merge.routes.map(route => /^<< \$(\w+) >>$/.exec(route)?.[1] ?? '');
    expect(routes.map(secretBehind)).toEqual(Array(3).fill('nats-cluster/password'));
    expect(routes.map(route => /@(.*)"$/.exec(String(env[route]))?.[1])).toEqual(
      [0, 1, 2].map(node => `nats-${node}.nats-headless:6222`),
    );
  });

  it('hold no password, and run the version that compose runs', () => {
    const clear = Object.entries(env).filter(
      ([name, value]) => /PASSWORD|ROUTE/.test(name) && !/\$\(/.test(String(value)),
    );
    expect(clear).toEqual([]);
    const image = readFileSync(join(root, 'deploy', 'docker', 'nats.Dockerfile'), 'utf8');
    const composed = /^FROM nats:(\d+\.\d+)-alpine/m.exec(image)?.[1] ?? '?';
    expect(values.container.image.tag.startsWith(`${composed}.`)).toBe(true);
  });

  it('keep streams on three nodes, as many as the services ask for', () => {
    const wanted = serviceNames.flatMap(service =>
      ofKind('Deployment', render(`services/${service}/overlays/production`)).flatMap(({ spec }) =>
        spec.template.spec.containers.flatMap(container =>
          container.env.filter(({ name }) => name === 'NATS_STREAM_REPLICAS').map(({ value }) => value),
        ),
      ),
    );
    expect(new Set(wanted)).toEqual(new Set([String(values.config.cluster.replicas)]));
    expect(Object.keys(values.podTemplate.topologySpreadConstraints)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
  });
});
