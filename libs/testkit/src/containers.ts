import { request } from 'node:http';

const postgresImage = 'postgres:18-alpine';
const natsImage = 'nats:2.14-alpine';

/** On every container of a test, so that those of a run that was killed are found (scripts/test-containers.ts). */
export const testContainerLabel = 'monde-sauvage.test';
const labels = { [testContainerLabel]: 'yes' };

export type Infrastructure = 'containers' | 'embedded';

interface ContainerServer {
  url: string;
  stop(): Promise<void>;
}

/**
 * What the tests run on: what is asked for, else containers when a Docker engine answers within 2 s and has or gets
 * both images, else the embedded servers.
 * @throws Error for another value of TEST_INFRA
 */
export async function chooseInfrastructure(asked: string | undefined): Promise<Infrastructure> {
  if (asked === 'containers' || asked === 'embedded') return asked;
  if (asked) throw new Error(`TEST_INFRA must be containers or embedded, not ${asked}`);
  const ping = await askDocker('GET', '/_ping', 2_000);
  if (ping !== 200) return 'embedded';
  const images = await Promise.all([postgresImage, natsImage].map(hasOrGetsImage));
  return images.every(Boolean) ? 'containers' : 'embedded';
}

/** A throw-away Postgres; the url has no database. Testcontainers is loaded only now: it is large. */
export async function startPostgresContainer(): Promise<ContainerServer> {
  const { PostgreSqlContainer } = await loadTestcontainers(() => import('@testcontainers/postgresql'));
  const container = await new PostgreSqlContainer(postgresImage)
    .withLabels(labels)
    .withCommand(['postgres', '-c', 'max_connections=300', '-c', 'fsync=off', '-c', 'synchronous_commit=off'])
    .start();
  const credentials = `${container.getUsername()}:${container.getPassword()}`;
  return {
    url: `postgresql://${credentials}@${container.getHost()}:${container.getPort()}`,
    stop: async () => {
      await container.stop();
    },
  };
}

/** A throw-away NATS with JetStream. */
export async function startNatsContainer(): Promise<ContainerServer> {
  const { GenericContainer, Wait } = await loadTestcontainers(() => import('testcontainers'));
  const container = await new GenericContainer(natsImage)
    .withLabels(labels)
    .withCommand(['-js', '-sd', '/tmp/jetstream'])
    .withExposedPorts(4222)
    .withWaitStrategy(Wait.forLogMessage('Server is ready'))
    .start();
  return {
    url: `nats://${container.getHost()}:${container.getMappedPort(4222)}`,
    stop: async () => {
      await container.stop();
    },
  };
}

/**
 * Containers are stopped in teardown. The reaper, which covers a killed run, is one more image to get: it is used
 * where the engine has it, unless the environment says otherwise.
 */
async function loadTestcontainers<M>(load: () => Promise<M>): Promise<M> {
  if (process.env.TESTCONTAINERS_RYUK_DISABLED === undefined) {
    const hasReaper = (await askDocker('GET', '/images/testcontainers/ryuk:0.14.0/json', 2_000)) === 200;
    process.env.TESTCONTAINERS_RYUK_DISABLED = String(!hasReaper);
  }
  return load();
}

async function hasOrGetsImage(image: string): Promise<boolean> {
  const isThere = async () => (await askDocker('GET', `/images/${image}/json`, 2_000)) === 200;
  if (await isThere()) return true;
  const [name, tag] = image.split(':');
  await askDocker('POST', `/images/create?fromImage=docker.io/library/${name}&tag=${tag}`, 120_000);
  return isThere();
}

/** The status Docker's engine answers with, once the answer is complete; undefined when it does not in time. */
async function askDocker(method: string, path: string, timeoutMs: number): Promise<number | undefined> {
  const host = new URL(process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock');
  const target = host.protocol === 'unix:' ? { socketPath: host.pathname } : { host: host.hostname, port: host.port };
  const timeout = new AbortController();
  const answer = new Promise<number | undefined>(resolve => {
    const call = request({ ...target, method, path, signal: timeout.signal }, response => {
      response
        .resume()
        .on('end', () => resolve(response.statusCode))
        .on('error', () => resolve(undefined));
    });
    call.on('error', () => resolve(undefined)).end();
  });
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  return answer.finally(() => clearTimeout(timer));
}
