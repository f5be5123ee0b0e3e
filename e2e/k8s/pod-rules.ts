import { type Container, type K8sObject, nameOf, ofKind, type Workload } from './objects.ts';

/** What every pod must be. Each rule returns a sentence per object that breaks it, naming it. */

const workloadsOf = (objects: K8sObject[]): Workload[] => [
  ...ofKind('Deployment', objects),
  ...ofKind('StatefulSet', objects),
];
const containersOf = (workload: Workload): Container[] => {
  const { initContainers, containers } = workload.spec.template.spec;
  return [...initContainers, ...containers];
};
const perContainer =
  (check: (container: Container, workload: Workload) => (string | false)[]) =>
  (objects: K8sObject[]): string[] =>
    workloadsOf(objects).flatMap(workload =>
      containersOf(workload).flatMap(container =>
        check(container, workload).flatMap(said =>
          said === false ? [] : [`${nameOf(workload)}, container ${container.name}: ${said}`],
        ),
      ),
    );
const perPod =
  (check: (workload: Workload) => (string | false)[]) =>
  (objects: K8sObject[]): string[] =>
    workloadsOf(objects).flatMap(workload =>
      check(workload).flatMap(said => (said === false ? [] : [`${nameOf(workload)}: ${said}`])),
    );

/** The tag of an image, without registry port and digest. */
export const tagOf = (image: string): string | undefined => /:([^:/@]+)(@|$)/.exec(image)?.[1];

export const pinsImages = perContainer(({ image }) => {
  const tag = tagOf(image);
  return [tag === undefined && `image "${image}" has no tag`, tag === 'latest' && 'the tag latest says nothing'];
});

export const boundsResources = perContainer(({ resources }) =>
  (['requests', 'limits'] as const).flatMap(bound =>
    ['cpu', 'memory'].map(what => resources[bound][what] === undefined && `resources.${bound}.${what} is missing`),
  ),
);

export const cannotWriteItsRoot = perContainer(({ securityContext }) => [
  securityContext.readOnlyRootFilesystem !== true && 'its root file system can be written to',
]);

/** Pod Security Standards: restricted. */
export const hasNoPrivileges = perContainer(({ securityContext: security }) => [
  security.allowPrivilegeEscalation !== false && 'allowPrivilegeEscalation is not false',
  security.privileged === true && 'it is privileged',
  !security.capabilities?.drop.includes('ALL') && 'capabilities are not dropped',
  (security.capabilities?.add.length ?? 0) > 0 && 'it adds capabilities',
  security.runAsUser === 0 && 'it runs as root',
]);

/** Pod Security Standards: restricted. */
export const runsAsNobody = perPod(({ spec }) => {
  const { securityContext: security, hostNetwork, volumes } = spec.template.spec;
  return [
    security.runAsNonRoot !== true && 'runAsNonRoot is not true',
    (security.runAsUser === undefined || security.runAsUser === 0) && 'it may run as root: runAsUser is missing or 0',
    security.seccompProfile?.type !== 'RuntimeDefault' && 'seccompProfile is not RuntimeDefault',
    hostNetwork === true && 'it uses the network of its machine',
    volumes.some(volume => volume.hostPath !== undefined) && 'it mounts a folder of its machine',
  ];
});

export const mountsNoToken = (objects: K8sObject[]): string[] => {
  const accounts = ofKind('ServiceAccount', objects);
  return [
    ...perPod(({ spec }) => [
      spec.template.spec.automountServiceAccountToken !== false && 'a ServiceAccount token is mounted',
    ])(objects),
    ...accounts
      .filter(account => account.automountServiceAccountToken !== false)
      .map(account => `${nameOf(account)}: its token is mounted unless a pod refuses it`),
    ...workloadsOf(objects).flatMap(workload => {
      const wanted = workload.spec.template.spec.serviceAccountName;
      return wanted === undefined || accounts.some(({ metadata }) => metadata.name === wanted)
        ? []
        : [`${nameOf(workload)}: there is no ServiceAccount ${wanted}`];
    }),
  ];
};

const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;
export const isProbed = (objects: K8sObject[]): string[] =>
  workloadsOf(objects).flatMap(workload =>
    workload.spec.template.spec.containers.flatMap(container =>
      probes.flatMap(name => {
        const of = `${nameOf(workload)}, container ${container.name}: ${name}`;
        const probe = container[name];
        if (!probe) return [`${of} is missing`];
        const port = probe.httpGet?.port ?? probe.tcpSocket?.port;
        const exists = container.ports.some(each => each.name === port || each.containerPort === port);
        return exists ? [] : [`${of} asks port ${port}, which the container does not have`];
      }),
    ),
  );

const drainSeconds = 10;
const marginSeconds = 5;
export const isGivenTimeToDrain = perPod(({ spec }) => {
  const { containers, terminationGracePeriodSeconds: grace } = spec.template.spec;
  const waits = Math.max(0, ...containers.map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0));
  const needed = waits + drainSeconds + marginSeconds;
  return [grace < needed && `terminationGracePeriodSeconds is ${grace}, but it needs ${needed}`];
});

export const isSpread = perPod(({ spec }) => {
  const { topologySpreadConstraints: constraints } = spec.template.spec;
  const pod = spec.template.metadata.labels;
  const by = (key: string) => constraints.find(({ topologyKey }) => topologyKey === key);
  return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].flatMap(key => {
    const counted = Object.entries(by(key)?.labelSelector.matchLabels ?? {});
    return [
      by(key) === undefined && `it is not spread by ${key}`,
      counted.some(([label, value]) => pod[label] !== value) && `spreading by ${key} counts other pods than its own`,
    ];
  });
});

const secretName = /(SECRET|PASSWORD|TOKEN|KEY|CREDS|DATABASE_URL)$/;
const secretValue = /:\/\/[^/@$\s]*:[^/@$\s]+@|\b(sk|rk)_(live|test)_|\bwhsec_|-----BEGIN/;
const readsClear = (name: string, value: string) =>
  value !== '' && ((secretName.test(name) && !/^"?\$\(\w+\)"?$/.test(value)) || secretValue.test(value));

export const keepsSecretsOut = (objects: K8sObject[]): string[] => [
  ...objects
    .filter(({ kind }) => kind === 'Secret')
    .map(secret => `${nameOf(secret)}: a Secret does not belong in the repository`),
  ...perContainer(({ env }) =>
    env.map(
      ({ name, value }) =>
        value !== undefined && readsClear(name, value) && `${name} is a secret, and stands there in clear`,
    ),
  )(objects),
  ...objects
    .filter(({ kind }) => kind === 'ConfigMap')
    .flatMap(map =>
      Object.entries(typeof map.data === 'object' && map.data !== null ? map.data : {})
        .filter(([name, value]) => readsClear(name, String(value)))
        .map(([name]) => `${nameOf(map)}: ${name} holds a secret in clear`),
    ),
];

export const podRules = {
  pinsImages,
  boundsResources,
  cannotWriteItsRoot,
  hasNoPrivileges,
  runsAsNobody,
  mountsNoToken,
  isProbed,
  isGivenTimeToDrain,
  isSpread,
  keepsSecretsOut,
};
