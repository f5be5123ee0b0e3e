import { z } from 'zod';

/** What the rules read of Kubernetes objects. Everything may be missing: saying so is the rules' work. */

const labels = z.record(z.string(), z.string()).default({});
const metadata = z.looseObject({ name: z.string(), namespace: z.string().optional(), labels });
export const k8sObject = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata });
export type K8sObject = z.output<typeof k8sObject>;

const numberOrText = z.union([z.number(), z.string()]);
const quantities = z.record(z.string(), numberOrText).default({});
const probe = z.looseObject({
  httpGet: z.looseObject({ port: numberOrText }).optional(),
  tcpSocket: z.looseObject({ port: numberOrText }).optional(),
});
const envVariable = z.looseObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.looseObject({ secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional() }).optional(),
});
export type EnvVariable = z.output<typeof envVariable>;

const container = z.looseObject({
  name: z.string(),
  image: z.string().default(''),
  env: z.array(envVariable).default([]),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).default([]),
  resources: z.looseObject({ requests: quantities, limits: quantities }).default({ requests: {}, limits: {} }),
  securityContext: z
    .looseObject({
      allowPrivilegeEscalation: z.boolean().optional(),
      readOnlyRootFilesystem: z.boolean().optional(),
      privileged: z.boolean().optional(),
      runAsUser: z.number().optional(),
      capabilities: z
        .looseObject({ drop: z.array(z.string()).default([]), add: z.array(z.string()).default([]) })
        .optional(),
    })
    .default({}),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  lifecycle: z
    .looseObject({ preStop: z.looseObject({ sleep: z.object({ seconds: z.number() }).optional() }).optional() })
    .optional(),
});
export type Container = z.output<typeof container>;

const labelSelector = z.looseObject({ matchLabels: labels });
const selector = labelSelector.default({ matchLabels: {} });
const workload = k8sObject.extend({
  spec: z.looseObject({
    replicas: z.number().optional(),
    selector,
    strategy: z
      .looseObject({
        type: z.string().optional(),
        rollingUpdate: z.looseObject({ maxUnavailable: numberOrText.optional() }).optional(),
      })
      .default({}),
    template: z.looseObject({
      metadata: z.looseObject({ labels }).default({ labels: {} }),
      spec: z.looseObject({
        serviceAccountName: z.string().optional(),
        automountServiceAccountToken: z.boolean().optional(),
        hostNetwork: z.boolean().optional(),
        terminationGracePeriodSeconds: z.number().default(30),
        securityContext: z
          .looseObject({
            runAsNonRoot: z.boolean().optional(),
            runAsUser: z.number().optional(),
            seccompProfile: z.looseObject({ type: z.string() }).optional(),
          })
          .default({}),
        topologySpreadConstraints: z
          .array(z.looseObject({ topologyKey: z.string(), labelSelector: selector }))
          .default([]),
        volumes: z.array(z.looseObject({ name: z.string(), hostPath: z.unknown().optional() })).default([]),
        initContainers: z.array(container).default([]),
        containers: z.array(container).default([]),
      }),
    }),
  }),
});
export type Workload = z.output<typeof workload>;

const service = k8sObject.extend({
  spec: z.looseObject({
    selector: labels,
    ports: z.array(
      z.looseObject({ name: z.string().optional(), port: z.number(), targetPort: numberOrText.optional() }),
    ),
  }),
});
const serviceAccount = k8sObject.extend({ automountServiceAccountToken: z.boolean().optional() });
const autoscaler = k8sObject.extend({
  spec: z.looseObject({
    scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }),
    minReplicas: z.number().default(1),
    maxReplicas: z.number(),
  }),
});
const disruptionBudget = k8sObject.extend({
  spec: z.looseObject({ selector, minAvailable: numberOrText.optional(), maxUnavailable: numberOrText.optional() }),
});
const ingress = k8sObject.extend({
  spec: z.looseObject({
    tls: z.array(z.looseObject({ hosts: z.array(z.string()), secretName: z.string() })).default([]),
    rules: z.array(
      z.looseObject({
        host: z.string(),
        http: z.object({
          paths: z.array(
            z.object({
              path: z.string(),
              pathType: z.string(),
              backend: z.object({
                service: z.object({
                  name: z.string(),
                  port: z.looseObject({ name: z.string().optional(), number: z.number().optional() }),
                }),
              }),
            }),
          ),
        }),
      }),
    ),
  }),
});
export type Ingress = z.output<typeof ingress>;

const peer = z.looseObject({
  podSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
});
export type NetworkPeer = z.output<typeof peer>;
const policyPorts = z.array(z.object({ port: numberOrText, protocol: z.string().default('TCP') })).default([]);
const networkPolicy = k8sObject.extend({
  spec: z.object({
    podSelector: labelSelector,
    policyTypes: z.array(z.string()).default([]),
    ingress: z.array(z.object({ from: z.array(peer).optional(), ports: policyPorts })).default([]),
    egress: z.array(z.object({ to: z.array(peer).optional(), ports: policyPorts })).default([]),
  }),
});
export type NetworkPolicy = z.output<typeof networkPolicy>;

const cluster = k8sObject.extend({
  spec: z.looseObject({
    instances: z.number(),
    enablePDB: z.boolean().default(true),
    imageName: z.string().default(''),
    bootstrap: z
      .looseObject({ initdb: z.looseObject({ database: z.string(), owner: z.string() }).optional() })
      .optional(),
    plugins: z
      .array(
        z.looseObject({
          name: z.string(),
          isWALArchiver: z.boolean().default(false),
          parameters: z.record(z.string(), z.string()),
        }),
      )
      .default([]),
    postgresql: z.looseObject({ parameters: z.record(z.string(), z.string()) }),
  }),
});
export type Cluster = z.output<typeof cluster>;
const scheduledBackup = k8sObject.extend({
  spec: z.looseObject({ method: z.string().optional(), cluster: z.object({ name: z.string() }) }),
});
/** Barman Cloud plugin: its types are not published for TypeScript; this is what backups stand on. */
const credential = z.strictObject({ name: z.string(), key: z.string() });
const objectStore = k8sObject.extend({
  apiVersion: z.literal('barmancloud.cnpg.io/v1'),
  spec: z.strictObject({
    retentionPolicy: z.string().regex(/^\d+[dwm]$/),
    configuration: z.strictObject({
      destinationPath: z.string().startsWith('s3://'),
      endpointURL: z.url().optional(),
      s3Credentials: z.strictObject({
        accessKeyId: credential,
        secretAccessKey: credential,
        region: credential.optional(),
      }),
      wal: z.strictObject({ compression: z.string(), maxParallel: z.number() }),
      data: z.strictObject({ compression: z.string() }),
    }),
    instanceSidecarConfiguration: z.strictObject({ resources: z.object({ requests: quantities, limits: quantities }) }),
  }),
});

const shapes = {
  Deployment: workload,
  StatefulSet: workload,
  Service: service,
  ServiceAccount: serviceAccount,
  HorizontalPodAutoscaler: autoscaler,
  PodDisruptionBudget: disruptionBudget,
  Ingress: ingress,
  NetworkPolicy: networkPolicy,
  Cluster: cluster,
  ScheduledBackup: scheduledBackup,
  ObjectStore: objectStore,
} as const;
type Kind = keyof typeof shapes;

/** Those of a kind. @throws ZodError when one has not even the shape */
export function ofKind<K extends Kind>(kind: K, objects: K8sObject[]): z.output<(typeof shapes)[K]>[];
export function ofKind(kind: Kind, objects: K8sObject[]): unknown[] {
  return objects.filter(object => object.kind === kind).map(object => shapes[kind].parse(object));
}

/** How a sentence names an object. */
export const nameOf = (object: K8sObject): string => `${object.kind} ${object.metadata.name}`;

/** Whether labels are among those that are selected by; an empty selector selects everything. */
export const selects = (wanted: Record<string, string>, labels: Record<string, string>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);
