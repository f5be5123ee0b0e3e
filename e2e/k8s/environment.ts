import type { Container, EnvVariable } from './objects.ts';

/** Values that stand for what comes from Secrets: only their form matters. */
const standIns: Record<string, string> = {
  DATABASE_URL: 'postgresql://user:password@host:5432/database',
  TOKEN_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
  ADMIN_API_KEY: 'a-key-of-more-than-sixteen-characters',
};
/** Read by the Postgres driver, not by the service's config. */
const readByLibraries = new Set(['PGSSLMODE']);

const referenced = (variables: EnvVariable[]) =>
  new Set(variables.flatMap(({ value }) => [...(value ?? '').matchAll(/\$\((\w+)\)/g)].map(([, name]) => name ?? '')));

/**
 * Reads a container's environment as its service would at start.
 * @param readConfig the service's own: throws naming what is missing or wrong, and leaves out what it does not know
 * @returns a sentence for every variable that is missing, wrong, unknown to the service, or used before it is defined
 */
export function checkEnvironment(
  owner: string,
  container: Container,
  readConfig: (env: Record<string, string>) => object,
): string[] {
  const of = `${owner}, container ${container.name}`;
  const helpers = referenced(container.env);
  const problems: string[] = [];
  const values: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env) {
    if (value === undefined && valueFrom === undefined) problems.push(`${of}: ${name} has no value`);
    const given = value ?? standIns[name] ?? 'from-a-secret';
    values[name] = given.replaceAll(/\$\((\w+)\)/g, (whole, other: string) => {
      if (values[other] === undefined) problems.push(`${of}: ${name} uses $(${other}), which is not defined before it`);
      return values[other] ?? whole;
    });
  }
  let known: Set<string>;
  try {
    known = new Set(Object.keys(readConfig(values)));
  } catch (error) {
    return [...problems, `${of}: ${error instanceof Error ? error.message : String(error)}`];
  }
  for (const { name } of container.env) {
    if (known.has(name) || helpers.has(name) || readByLibraries.has(name)) continue;
    problems.push(`${of}: ${name} is set, but the service reads no such variable`);
  }
  return problems;
}
