import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, ScheduledBackup } from '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Namespace, Service, ServiceAccount } from 'kubernetes-models/v1';
import { z } from 'zod';
import { root } from '../../scripts/platform/settings.ts';
import { type K8sObject, nameOf, ofKind } from './objects.ts';

/** The published types of each kind, by the module they are imported from. */
const published = {
  'kubernetes-models/v1': { ConfigMap, Namespace, Service, ServiceAccount },
  'kubernetes-models/apps/v1': { Deployment },
  'kubernetes-models/autoscaling/v2': { HorizontalPodAutoscaler },
  'kubernetes-models/policy/v1': { PodDisruptionBudget },
  'kubernetes-models/networking.k8s.io/v1': { Ingress, NetworkPolicy },
  '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1': { Cluster, ScheduledBackup },
};
const types = Object.entries(published).flatMap(([module, models]) =>
  Object.values(models).map(model => ({ module, model, apiVersion: model.apiVersion, kind: model.kind })),
);
const typeOf = ({ apiVersion, kind }: K8sObject) =>
  types.find(type => type.apiVersion === apiVersion && type.kind === kind);

const validatable = z.custom<{ validate(): void }>(
  made => typeof made === 'object' && made !== null && 'validate' in made && typeof made.validate === 'function',
);

/** Values that the published schemas refuse, and kinds that have none, as sentences. */
export function checkValues(objects: K8sObject[]): string[] {
  return objects.flatMap(object => {
    const of = nameOf(object);
    const type = typeOf(object);
    try {
      if (type) validatable.parse(Reflect.construct(type.model, [object])).validate();
      else if (ofKind('ObjectStore', [object]).length === 0) {
        return [`${of}: there are no published types for ${object.apiVersion} ${object.kind}`];
      }
      return [];
    } catch (error) {
      return [`${of}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}

/**
 * Fields that do not exist, as sentences: the schemas let a misspelt field pass, the compiler does not. Everything is
 * written into one file as literals of the published types, and that is type-checked.
 */
export function checkFields(objects: K8sObject[]): string[] {
  const typed = objects.flatMap(object => {
    const module = typeOf(object)?.module;
    return module === undefined ? [] : [{ object, module }];
  });
  const lines = typed.map(
    ({ object, module }, index) =>
      `export const o${index}: import('${module}').I${object.kind} = ${JSON.stringify(object)};`,
  );
  mkdirSync(join(root, '.data'), { recursive: true });
  const folder = mkdtempSync(join(root, '.data', 'k8s-types-'));
  try {
    writeFileSync(join(folder, 'objects.ts'), lines.join('\n'));
    const options = { noEmit: true, strict: true, skipLibCheck: true, module: 'nodenext', types: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['objects.ts'] }));
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    try {
      execFileSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      return [];
    } catch (error) {
      const output = z.object({ stdout: z.string() }).parse(error).stdout;
      return output.split('\n').flatMap(line => {
        const found = /objects\.ts\((\d+),\d+\): error (.*)/.exec(line);
        const object = typed[Number(found?.[1]) - 1]?.object;
        return found ? [`${object ? nameOf(object) : 'a manifest'}: ${found[2]}`] : [];
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
