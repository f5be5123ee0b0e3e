import { type K8sObject, nameOf, ofKind, selects, type Workload } from './objects.ts';
import { tagOf } from './pod-rules.ts';

/** What must hold between objects. Each rule returns a sentence per object that breaks it, naming it. */

const podLabels = (workload: Workload) => workload.spec.template.metadata.labels;

export const selectorsMatch = (objects: K8sObject[]): string[] => {
  const workloads = ofKind('Deployment', objects);
  const somePod = (wanted: Record<string, string>) =>
    Object.keys(wanted).length > 0 && workloads.some(workload => selects(wanted, podLabels(workload)));
  return [
    ...workloads
      .filter(workload => {
        const wanted = workload.spec.selector.matchLabels;
        return Object.keys(wanted).length === 0 || !selects(wanted, podLabels(workload));
      })
      .map(workload => `${nameOf(workload)}: its selector does not match its own pods`),
    ...ofKind('Service', objects)
      .filter(service => !somePod(service.spec.selector))
      .map(service => `${nameOf(service)}: it selects no pod`),
    ...ofKind('PodDisruptionBudget', objects)
      .filter(budget => !somePod(budget.spec.selector.matchLabels))
      .map(budget => `${nameOf(budget)}: it selects no pod`),
    ...ofKind('HorizontalPodAutoscaler', objects)
      .filter(({ spec }) => !workloads.some(({ metadata }) => metadata.name === spec.scaleTargetRef.name))
      .map(autoscaler => `${nameOf(autoscaler)}: there is no Deployment ${autoscaler.spec.scaleTargetRef.name}`),
  ];
};

export const portsExist = (objects: K8sObject[]): string[] => {
  const workloads = ofKind('Deployment', objects);
  const services = ofKind('Service', objects);
  return [
    ...services.flatMap(service => {
      const pods = workloads.filter(workload => selects(service.spec.selector, podLabels(workload)));
      const ports = pods.flatMap(({ spec }) => spec.template.spec.containers.flatMap(container => container.ports));
      return service.spec.ports
        .filter(
          ({ port, targetPort = port }) => !ports.some(each => [each.name, each.containerPort].includes(targetPort)),
        )
        .map(({ port, targetPort = port }) => `${nameOf(service)}: no container has port ${targetPort}`);
    }),
    ...ofKind('Ingress', objects).flatMap(ingress =>
      ingress.spec.rules.flatMap(({ http }) =>
        http.paths.flatMap(({ path, backend }) => {
          const service = services.find(({ metadata }) => metadata.name === backend.service.name);
          const { name, number } = backend.service.port;
          return service?.spec.ports.some(each => (name === undefined ? each.port === number : each.name === name))
            ? []
            : [`${nameOf(ingress)}: ${path} leads to ${backend.service.name}:${name ?? number}, which is not there`];
        }),
      ),
    ),
  ];
};

export const hasNetworkPolicy = (objects: K8sObject[]): string[] => {
  const policies = ofKind('NetworkPolicy', objects).map(({ spec }) => spec);
  return ofKind('Deployment', objects).flatMap(workload => {
    const own = policies.filter(
      ({ podSelector: { matchLabels } }) =>
        Object.keys(matchLabels).length > 0 && selects(matchLabels, podLabels(workload)),
    );
    const bothWays = ['Ingress', 'Egress'].every(way => own.some(({ policyTypes }) => policyTypes.includes(way)));
    return bothWays ? [] : [`${nameOf(workload)}: no NetworkPolicy bounds it both ways`];
  });
};

/** A whole system: whatever has no policy of its own is closed. */
export const deniesByDefault = (objects: K8sObject[]): string[] => {
  const closed = ofKind('NetworkPolicy', objects).some(
    ({ spec }) =>
      Object.keys(spec.podSelector.matchLabels).length === 0 &&
      ['Ingress', 'Egress'].every(way => spec.policyTypes.includes(way)) &&
      spec.ingress.length + spec.egress.length === 0,
  );
  return closed ? [] : ['NetworkPolicy default-deny: there is none for all pods, both ways'];
};

/** A rollout never takes away a pod before its successor is ready. */
export const rollsOutWithoutGap = (objects: K8sObject[]): string[] =>
  ofKind('Deployment', objects)
    .filter(({ spec }) => spec.strategy.type !== 'RollingUpdate' || spec.strategy.rollingUpdate?.maxUnavailable !== 0)
    .map(workload => `${nameOf(workload)}: a rollout may leave fewer pods than before (maxUnavailable must be 0)`);

/** At least two pods, decided by an autoscaler alone, of which a drain may take one. */
export const isReplicated = (objects: K8sObject[]): string[] => {
  const budgets = ofKind('PodDisruptionBudget', objects);
  const autoscalers = ofKind('HorizontalPodAutoscaler', objects);
  return ofKind('Deployment', objects).flatMap(workload => {
    const of = nameOf(workload);
    const autoscaler = autoscalers.find(({ spec }) => spec.scaleTargetRef.name === workload.metadata.name);
    const budget = budgets.find(({ spec }) => selects(spec.selector.matchLabels, podLabels(workload)));
    const said: string[] = [];
    if (!autoscaler) said.push(`${of}: no HorizontalPodAutoscaler scales it`);
    if (!budget) said.push(`${of}: no PodDisruptionBudget protects it`);
    if (autoscaler && autoscaler.spec.minReplicas < 2) said.push(`${nameOf(autoscaler)}: fewer than two pods`);
    if (autoscaler && workload.spec.replicas !== undefined) {
      said.push(`${of}: replicas is set, which would undo its HorizontalPodAutoscaler at every apply`);
    }
    return said;
  });
};

/** A machine can always be drained: a budget leaves room below the least number of pods. */
export const lastPodCanMove = (objects: K8sObject[]): string[] => {
  const autoscalers = ofKind('HorizontalPodAutoscaler', objects);
  return [
    ...ofKind('PodDisruptionBudget', objects).flatMap(budget => {
      const pods = ofKind('Deployment', objects)
        .filter(workload => selects(budget.spec.selector.matchLabels, podLabels(workload)))
        .map(({ metadata, spec }) => {
          const own = autoscalers.find(each => each.spec.scaleTargetRef.name === metadata.name);
          return own?.spec.minReplicas ?? spec.replicas ?? 1;
        });
      const least = Math.min(...pods);
      const { minAvailable, maxUnavailable } = budget.spec;
      const blocked =
        (typeof minAvailable === 'number' && minAvailable >= least) ||
        minAvailable === '100%' ||
        maxUnavailable === 0 ||
        maxUnavailable === '0%';
      return blocked ? [`${nameOf(budget)}: with ${least} pods it allows no disruption, and blocks every drain`] : [];
    }),
    ...ofKind('Cluster', objects)
      .filter(({ spec }) => spec.instances === 1 && spec.enablePDB)
      .map(cluster => `${nameOf(cluster)}: a budget over its only instance blocks every drain (enablePDB)`),
  ];
};

const semver = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
/** In production an image is a released version, from a registry. */
export const runsReleases = (objects: K8sObject[]): string[] =>
  ofKind('Deployment', objects).flatMap(workload => {
    const { initContainers, containers } = workload.spec.template.spec;
    return [...initContainers, ...containers].flatMap(({ name, image }) => {
      const of = `${nameOf(workload)}, container ${name}`;
      const said: string[] = [];
      if (!semver.test(tagOf(image) ?? '')) said.push(`${of}: image "${image}" is not of a released version`);
      if (!/^[^/]+\.[^/]+\//.test(image)) said.push(`${of}: image "${image}" names no registry`);
      return said;
    });
  });

/** The migration belongs to the very image that is started after it. */
export const migratesWithItsOwnImage = (objects: K8sObject[]): string[] =>
  ofKind('Deployment', objects).flatMap(workload => {
    const { initContainers, containers } = workload.spec.template.spec;
    const image = containers[0]?.image;
    const other = initContainers.filter(container => container.image !== image);
    const keepsRows = containers.some(({ env }) => env.some(({ name }) => name === 'DATABASE_URL'));
    return [
      ...other.map(({ name }) => `${nameOf(workload)}, container ${name}: another image than the service's`),
      ...(keepsRows && initContainers.length === 0 ? [`${nameOf(workload)}: nothing migrates its database`] : []),
    ];
  });

/** Stand-ins for Google and Stripe belong to trying things out. */
export const hasNoEmulator = (objects: K8sObject[]): string[] =>
  objects
    .filter(object => /emulator|(^|[^\w])demo([^\w]|$)/i.test(JSON.stringify(object)))
    .map(object => `${nameOf(object)}: speaks of the emulators or the demo`);

/** The databases refuse what is not encrypted, so every container that is given one has to say that it encrypts. */
export const speaksTlsToItsDatabase = (objects: K8sObject[]): string[] =>
  ofKind('Deployment', objects).flatMap(workload => {
    const { initContainers, containers } = workload.spec.template.spec;
    return [...initContainers, ...containers]
      .filter(({ env }) => env.some(({ name }) => name === 'DATABASE_URL'))
      .filter(
        ({ env }) =>
          !env.some(({ name, value }) => name === 'PGSSLMODE' && /^(no-verify|verify-full)$/.test(value ?? '')),
      )
      .map(({ name }) => `${nameOf(workload)}, container ${name}: PGSSLMODE does not make it encrypt`);
  });

const reservedConnections = 10;
/** Pools of all pods there can be, one more during a rollout, and a reserve fit into the database. */
export const poolsFit = (objects: K8sObject[]): string[] => {
  const clusters = ofKind('Cluster', objects);
  const autoscalers = ofKind('HorizontalPodAutoscaler', objects);
  return ofKind('Deployment', objects).flatMap(workload => {
    const env = workload.spec.template.spec.containers.flatMap(container => container.env);
    const pool = env.find(({ name }) => name === 'DATABASE_POOL_SIZE')?.value;
    if (pool === undefined) return [];
    const { name } = workload.metadata;
    const cluster = clusters.find(({ metadata }) => metadata.name === `${name}-db`);
    if (!cluster) return [`${nameOf(workload)}: there is no Cluster ${name}-db`];
    const most = autoscalers.find(({ spec }) => spec.scaleTargetRef.name === name)?.spec.maxReplicas ?? 1;
    const needed = (most + 1) * Number(pool) + reservedConnections;
    const allowed = Number(cluster.spec.postgresql.parameters.max_connections ?? 100);
    return needed <= allowed ? [] : [`${nameOf(cluster)}: ${needed} connections may be needed, ${allowed} are allowed`];
  });
};

/** Three instances, a log that is archived, and a backup by a schedule into a store that exists. */
export const isBackedUp = (objects: K8sObject[]): string[] => {
  const backups = ofKind('ScheduledBackup', objects);
  const stores = ofKind('ObjectStore', objects);
  return ofKind('Cluster', objects).flatMap(cluster => {
    const of = nameOf(cluster);
    const archiver = cluster.spec.plugins.find(({ isWALArchiver }) => isWALArchiver);
    const store = archiver?.parameters.barmanObjectName;
    const said: string[] = [];
    if (cluster.spec.instances < 3) said.push(`${of}: fewer than three instances`);
    if (!archiver) said.push(`${of}: its log is archived nowhere`);
    if (archiver && !stores.some(({ metadata }) => metadata.name === store))
      said.push(`${of}: no ObjectStore ${store}`);
    if (!backups.some(({ spec }) => spec.cluster.name === cluster.metadata.name))
      said.push(`${of}: nothing backs it up`);
    return said;
  });
};

export const pinsPostgres = (objects: K8sObject[]): string[] =>
  ofKind('Cluster', objects)
    .filter(({ spec }) => !/:18\.\d+/.test(spec.imageName))
    .map(cluster => `${nameOf(cluster)}: image "${cluster.spec.imageName}" is not a release of PostgreSQL 18`);

export const objectRules = {
  selectorsMatch,
  portsExist,
  hasNetworkPolicy,
  lastPodCanMove,
  migratesWithItsOwnImage,
  speaksTlsToItsDatabase,
  pinsPostgres,
};
export const productionRules = { isReplicated, rollsOutWithoutGap, runsReleases, hasNoEmulator };
