import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '@monde-sauvage/service-kit';
import { z } from 'zod';
import { checkEnvironment } from './environment.ts';
import { compareFlows, readFlows } from './flows.ts';
import { type K8sObject, ofKind } from './objects.ts';
import { podRules } from './pod-rules.ts';
import { deniesByDefault, isBackedUp, objectRules, poolsFit, productionRules } from './rules.ts';
import { sample, sampleWith, sampleWithout } from './sample.ts';

/** Every rule is fed a system that breaks it, and says so in a sentence that names the object. */

const rules = { ...podRules, ...objectRules, ...productionRules, deniesByDefault, poolsFit, isBackedUp };
type Rule = keyof typeof rules;
const pod = 'spec template spec';
const main = `${pod} containers 0`;
const deployment = 'Deployment booking';
const container = 'Deployment booking, container service';
const withPod = (path: string, value?: unknown) => sampleWith(deployment, `${pod} ${path}`, value);
const withMain = (path: string, value?: unknown) => sampleWith(deployment, `${main} ${path}`, value);
const envOf = (name: string, value: string) => withMain('env 3', { name, value });

const violations: Record<string, [rule: Rule, objects: K8sObject[], sentence: string]> = {
  'an image without a tag': [
    'pinsImages',
    withMain('image', 'r.example:5000/booking'),
    `${container}: image "r.example:5000/booking" has no tag`,
  ],
  'the tag latest': [
    'pinsImages',
    withMain('image', 'r.example/booking:latest'),
    `${container}: the tag latest says nothing`,
  ],
  'a missing memory limit': [
    'boundsResources',
    withMain('resources limits memory'),
    `${container}: resources.limits.memory is missing`,
  ],
  'a missing cpu request': [
    'boundsResources',
    withMain('resources requests cpu'),
    `${container}: resources.requests.cpu is missing`,
  ],
  'a migration without limits': [
    'boundsResources',
    withPod('initContainers 0 resources limits cpu'),
    'Deployment booking, container migrate: resources.limits.cpu is missing',
  ],
  'a writable root': [
    'cannotWriteItsRoot',
    withMain('securityContext readOnlyRootFilesystem', false),
    `${container}: its root file system can be written to`,
  ],
  'a way to more privileges': [
    'hasNoPrivileges',
    withMain('securityContext allowPrivilegeEscalation'),
    `${container}: allowPrivilegeEscalation is not false`,
  ],
  'kept capabilities': [
    'hasNoPrivileges',
    withMain('securityContext capabilities drop', []),
    `${container}: capabilities are not dropped`,
  ],
  'added capabilities': [
    'hasNoPrivileges',
    withMain('securityContext capabilities add', ['NET_ADMIN']),
    `${container}: it adds capabilities`,
  ],
  'a privileged container': [
    'hasNoPrivileges',
    withMain('securityContext privileged', true),
    `${container}: it is privileged`,
  ],
  'a container as root': ['hasNoPrivileges', withMain('securityContext runAsUser', 0), `${container}: it runs as root`],
  'a pod as root': [
    'runsAsNobody',
    withPod('securityContext runAsUser', 0),
    `${deployment}: it may run as root: runAsUser is missing or 0`,
  ],
  'a pod that may be root': [
    'runsAsNobody',
    withPod('securityContext runAsNonRoot'),
    `${deployment}: runAsNonRoot is not true`,
  ],
  'every system call': [
    'runsAsNobody',
    withPod('securityContext seccompProfile'),
    `${deployment}: seccompProfile is not RuntimeDefault`,
  ],
  "the machine's network": [
    'runsAsNobody',
    withPod('hostNetwork', true),
    `${deployment}: it uses the network of its machine`,
  ],
  'a folder of the machine': [
    'runsAsNobody',
    withPod('volumes', [{ name: 'x', hostPath: { path: '/' } }]),
    `${deployment}: it mounts a folder of its machine`,
  ],
  'a mounted token': [
    'mountsNoToken',
    withPod('automountServiceAccountToken', true),
    `${deployment}: a ServiceAccount token is mounted`,
  ],
  'an account with a token': [
    'mountsNoToken',
    sampleWith('ServiceAccount booking', 'automountServiceAccountToken'),
    'ServiceAccount booking: its token is mounted unless a pod refuses it',
  ],
  'an account that is not there': [
    'mountsNoToken',
    sampleWithout('ServiceAccount booking'),
    `${deployment}: there is no ServiceAccount booking`,
  ],
  'a missing probe': ['isProbed', withMain('livenessProbe'), `${container}: livenessProbe is missing`],
  'a probe of no port': [
    'isProbed',
    withMain('readinessProbe httpGet port', 'ops'),
    `${container}: readinessProbe asks port ops, which the container does not have`,
  ],
  'too little time to drain': [
    'isGivenTimeToDrain',
    withMain('lifecycle', { preStop: { sleep: { seconds: 20 } } }),
    `${deployment}: terminationGracePeriodSeconds is 30, but it needs 35`,
  ],
  'pods in one zone': [
    'isSpread',
    withPod('topologySpreadConstraints 0'),
    `${deployment}: it is not spread by topology.kubernetes.io/zone`,
  ],
  'counting the pods of another': [
    'isSpread',
    withPod('topologySpreadConstraints 1 labelSelector matchLabels', { 'app.kubernetes.io/name': 'x' }),
    `${deployment}: spreading by kubernetes.io/hostname counts other pods than its own`,
  ],
  'a password in clear': [
    'keepsSecretsOut',
    envOf('ADMIN_PASSWORD', 'hunter2'),
    `${container}: ADMIN_PASSWORD is a secret, and stands there in clear`,
  ],
  'a password in an address': [
    'keepsSecretsOut',
    envOf('CACHE', 'redis://me:hunter2@cache'),
    `${container}: CACHE is a secret, and stands there in clear`,
  ],
  'a live key under another name': [
    'keepsSecretsOut',
    envOf('STRIPE', 'sk_live_1'),
    `${container}: STRIPE is a secret, and stands there in clear`,
  ],
  'a Secret': [
    'keepsSecretsOut',
    [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', labels: {} } }],
    'Secret x: a Secret does not belong in the repository',
  ],
  'a ConfigMap with a key': [
    'keepsSecretsOut',
    [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', labels: {} }, data: { API_KEY: 'k' } }],
    'ConfigMap x: API_KEY holds a secret in clear',
  ],
  'a selector of other pods': [
    'selectorsMatch',
    sampleWith(deployment, 'spec selector matchLabels', { a: 'b' }),
    `${deployment}: its selector does not match its own pods`,
  ],
  'a Service of no pod': [
    'selectorsMatch',
    sampleWith('Service booking', 'spec selector', { a: 'b' }),
    'Service booking: it selects no pod',
  ],
  'a budget of no pod': [
    'selectorsMatch',
    sampleWith('PodDisruptionBudget booking', 'spec selector matchLabels', { a: 'b' }),
    'PodDisruptionBudget booking: it selects no pod',
  ],
  'an autoscaler of nothing': [
    'selectorsMatch',
    sampleWith('HorizontalPodAutoscaler booking', 'spec scaleTargetRef name', 'x'),
    'HorizontalPodAutoscaler booking: there is no Deployment x',
  ],
  'a port of no container': [
    'portsExist',
    sampleWith('Service booking', 'spec ports 0 targetPort', 'grpc'),
    'Service booking: no container has port grpc',
  ],
  'a path to nowhere': [
    'portsExist',
    sampleWith('Ingress booking', 'spec rules 0 http paths 0 backend service name', 'x'),
    'Ingress booking: /v1 leads to x:http, which is not there',
  ],
  'no NetworkPolicy': [
    'hasNetworkPolicy',
    sampleWithout('NetworkPolicy booking'),
    `${deployment}: no NetworkPolicy bounds it both ways`,
  ],
  'a NetworkPolicy of one way': [
    'hasNetworkPolicy',
    sampleWith('NetworkPolicy booking', 'spec policyTypes', ['Ingress']),
    `${deployment}: no NetworkPolicy bounds it both ways`,
  ],
  'no wall around everything': [
    'deniesByDefault',
    sampleWithout('NetworkPolicy default-deny'),
    'NetworkPolicy default-deny: there is none for all pods, both ways',
  ],
  'a gap in a rollout': [
    'rollsOutWithoutGap',
    sampleWith(deployment, 'spec strategy rollingUpdate maxUnavailable', 1),
    `${deployment}: a rollout may leave fewer pods than before (maxUnavailable must be 0)`,
  ],
  'no autoscaler': [
    'isReplicated',
    sampleWithout('HorizontalPodAutoscaler booking'),
    `${deployment}: no HorizontalPodAutoscaler scales it`,
  ],
  'no budget': [
    'isReplicated',
    sampleWithout('PodDisruptionBudget booking'),
    `${deployment}: no PodDisruptionBudget protects it`,
  ],
  'a single pod': [
    'isReplicated',
    sampleWith('HorizontalPodAutoscaler booking', 'spec minReplicas', 1),
    'HorizontalPodAutoscaler booking: fewer than two pods',
  ],
  'replicas beside an autoscaler': [
    'isReplicated',
    sampleWith(deployment, 'spec replicas', 3),
    `${deployment}: replicas is set, which would undo its HorizontalPodAutoscaler at every apply`,
  ],
  'a budget without room': [
    'lastPodCanMove',
    sampleWith('PodDisruptionBudget booking', 'spec', {
      minAvailable: 2,
      selector: { matchLabels: { 'app.kubernetes.io/name': 'booking' } },
    }),
    'PodDisruptionBudget booking: with 2 pods it allows no disruption, and blocks every drain',
  ],
  'a budget over the only instance': [
    'lastPodCanMove',
    sampleWith('Cluster booking-db', 'spec instances', 1),
    'Cluster booking-db: a budget over its only instance blocks every drain (enablePDB)',
  ],
  'a branch as a version': [
    'runsReleases',
    withMain('image', 'r.example/booking:main'),
    `${container}: image "r.example/booking:main" is not of a released version`,
  ],
  'no registry': [
    'runsReleases',
    withMain('image', 'booking:1.2.3'),
    `${container}: image "booking:1.2.3" names no registry`,
  ],
  'a migration of another version': [
    'migratesWithItsOwnImage',
    withPod('initContainers 0 image', 'r.example/booking:1.2.2'),
    "Deployment booking, container migrate: another image than the service's",
  ],
  'no migration': [
    'migratesWithItsOwnImage',
    withPod('initContainers', []),
    `${deployment}: nothing migrates its database`,
  ],
  'a database in clear': [
    'speaksTlsToItsDatabase',
    withMain('env 2 value', 'disable'),
    `${container}: PGSSLMODE does not make it encrypt`,
  ],
  'an emulator': [
    'hasNoEmulator',
    envOf('GOOGLE_API_BASE_URL', 'http://emulators:4010'),
    `${deployment}: speaks of the emulators or the demo`,
  ],
  'more connections than there are': [
    'poolsFit',
    sampleWith('HorizontalPodAutoscaler booking', 'spec maxReplicas', 20),
    'Cluster booking-db: 220 connections may be needed, 100 are allowed',
  ],
  'no database': ['poolsFit', sampleWithout('Cluster booking-db'), `${deployment}: there is no Cluster booking-db`],
  'no schedule for backups': [
    'isBackedUp',
    sampleWithout('ScheduledBackup booking-db'),
    'Cluster booking-db: nothing backs it up',
  ],
  'no place for backups': [
    'isBackedUp',
    sampleWithout('ObjectStore booking-db'),
    'Cluster booking-db: no ObjectStore booking-db',
  ],
  'a log that is not archived': [
    'isBackedUp',
    sampleWith('Cluster booking-db', 'spec plugins', []),
    'Cluster booking-db: its log is archived nowhere',
  ],
  'two instances': [
    'isBackedUp',
    sampleWith('Cluster booking-db', 'spec instances', 2),
    'Cluster booking-db: fewer than three instances',
  ],
  'any Postgres': [
    'pinsPostgres',
    sampleWith('Cluster booking-db', 'spec imageName', 'postgresql:18'),
    'Cluster booking-db: image "postgresql:18" is not a release of PostgreSQL 18',
  ],
};

describe('the rules', () => {
  it.each(Object.entries(rules))('%s: finds nothing in a system that is well made', (_name, rule) => {
    expect(rule(sample())).toEqual([]);
  });

  it.each(Object.entries(violations))('find %s, and name it', (_what, [rule, objects, sentence]) => {
    expect(rules[rule](objects)).toContain(sentence);
  });

  it('are each broken by one of these at least', () => {
    const broken = new Set(Object.values(violations).map(([rule]) => rule));
    expect(Object.keys(rules).filter(name => ![...broken].some(rule => rule === name))).toEqual([]);
  });
});

describe('flows', () => {
  const picture = ['booking → booking-db:5432'];

  it('pass where both ends allow them', () => {
    expect(readFlows(sample())).toEqual({ open: picture, half: [] });
  });

  it('do not pass where one end is closed, and the sentence says which', () => {
    const { open, half } = readFlows(sampleWith('NetworkPolicy booking-db', 'spec ingress', []));
    expect(compareFlows(open, picture)).toEqual(['booking → booking-db:5432 is in the picture, but not allowed']);
    expect(half).toEqual([
      'booking → booking-db:5432: booking may send it, but the NetworkPolicy of booking-db does not let it in',
    ]);
  });

  it.each([
    ['the whole world', { to: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: [{ port: 443 }] }, 'booking → anywhere:443'],
    ['anywhere, by saying nowhere', { ports: [{ port: 443 }] }, 'booking → anywhere:443'],
    ['every port', { to: [{ ipBlock: { cidr: '10.1.0.0/16' } }] }, 'booking → 10.1.0.0/16:every port'],
    [
      'another namespace',
      { to: [{ namespaceSelector: { matchLabels: {} } }], ports: [{ port: 1 }] },
      'booking → every namespace:1',
    ],
  ])('that are not in the picture are named: to %s', (_what, rule, flow) => {
    const { open } = readFlows(sampleWith('NetworkPolicy booking', 'spec egress 1', rule));
    expect(compareFlows(open, picture)).toEqual([`${flow} is allowed, but not in the picture`]);
  });
});

describe('the environment of a container', () => {
  const schema = z.object({
    DATABASE_URL: z.string().startsWith('postgres'),
    DATABASE_POOL_SIZE: z.coerce.number(),
    NATS_URL: z.string().optional(),
  });
  const check = (objects: K8sObject[]) =>
    ofKind('Deployment', objects).flatMap(({ spec }) =>
      spec.template.spec.containers.flatMap(each =>
        checkEnvironment(deployment, each, env => parseConfig(schema, env)),
      ),
    );

  it('is what the service reads', () => {
    expect(check(sample())).toEqual([]);
  });

  it.each([
    [
      'a variable that it does not know',
      envOf('HOLD_MINUTS', '30'),
      'HOLD_MINUTS is set, but the service reads no such variable',
    ],
    ['one that is missing', withMain('env 0'), 'configuration: DATABASE_URL is missing'],
    ['one that is wrong', withMain('env 1 value', 'ten'), 'configuration: DATABASE_POOL_SIZE'],
    ['one without a value', withMain('env 3', { name: 'NATS_URL' }), 'NATS_URL has no value'],
    [
      'one that is used before it is there',
      envOf('NATS_URL', 'nats://$(USER)@nats'),
      'NATS_URL uses $(USER), which is not defined before it',
    ],
  ])('is refused with %s', (_what, objects, sentence) => {
    expect(check(objects)).toEqual([expect.stringContaining(`${container}: ${sentence}`)]);
  });
});
