import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../../scripts/platform/settings.ts';
import { type K8sObject, ofKind } from './objects.ts';
import { kustomizations, manifests, render } from './render.ts';

/** deploy/k8s/README.md is what an operator follows: what it names is there, and what has to be made it names. */

const readme = readFileSync(join(manifests, 'README.md'), 'utf8');
const secretRows = readme.split('\n').filter(line => /^\| `[^|]*\|[^|]*\|[^|]*\|$/.test(line));

const secretsOf = (objects: K8sObject[]) =>
  ofKind('Deployment', objects).flatMap(({ spec: { template } }) =>
    [...template.spec.initContainers, ...template.spec.containers].flatMap(({ env }) =>
      env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
    ),
  );

describe('the README of deploy/k8s', () => {
  it('applies folders that can be rendered', () => {
    const applied = [...readme.matchAll(/-k deploy\/k8s\/([\w/-]+)/g)].map(([, folder]) => folder);
    expect(applied.length).toBeGreaterThan(5);
    expect(applied.filter(folder => !kustomizations().includes(folder ?? ''))).toEqual(['services/']);
  });

  it('names files that are there', () => {
    const values = [...readme.matchAll(/--values (\S+)/g)].map(([, file = '']) => file);
    expect(values.filter(file => !existsSync(join(root, file)))).toEqual([]);
  });

  it('installs the charts in the versions that their values are written for', () => {
    for (const chart of ['nats', 'traefik']) {
      const values = readFileSync(join(manifests, chart, 'values.yaml'), 'utf8');
      const version = new RegExp(`chart ${chart} ([\\d.]+\\d)`).exec(values)?.[1];
      const installed = [...readme.matchAll(new RegExp(`${chart}/${chart} --version (\\S+)`, 'g'))].map(
        ([, each]) => each,
      );
      expect([chart, new Set(installed)]).toEqual([chart, new Set([version])]);
    }
  });

  it.each(['dev', 'production'])('lists every Secret of %s, with the keys that are read', environment => {
    const unlisted = secretsOf(render(`overlays/${environment}`)).filter(({ name, key }) => {
      const shared = name.replace(/^.*?-(nats|db-app)$/, '<service>-$1');
      return !secretRows.some(row => row.startsWith(`| \`${shared}\``) && row.includes(`\`${key}\``));
    });
    expect(unlisted).toEqual([]);
  });
});
