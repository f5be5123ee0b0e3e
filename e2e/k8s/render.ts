import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../../scripts/platform/settings.ts';
import { type K8sObject, k8sObject } from './objects.ts';

export const manifests = join(root, 'deploy', 'k8s');
const rendered = new Map<string, K8sObject[]>();

/**
 * What `kubectl apply -k deploy/k8s/<folder>` would send. Each folder is rendered once.
 * @throws Error with what kubectl said when it does not render
 */
export function render(folder: string): K8sObject[] {
  const known = rendered.get(folder);
  if (known) return known;
  const text = execFileSync('kubectl', ['kustomize', join(manifests, folder)], { encoding: 'utf8' });
  const objects = parseAllDocuments(text).map(document => k8sObject.parse(document.toJS()));
  rendered.set(folder, objects);
  return objects;
}

/** Every folder that can be rendered by itself: components only make sense inside others. */
export function kustomizations(): string[] {
  return readdirSync(manifests, { recursive: true, withFileTypes: true })
    .filter(entry => entry.name === 'kustomization.yaml')
    .map(entry => relative(manifests, dirname(join(entry.parentPath, entry.name))))
    .filter(folder => !/^(components|environments)\//.test(folder))
    .sort();
}
