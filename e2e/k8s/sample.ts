import { parseAllDocuments } from 'yaml';
import { type K8sObject, k8sObject, nameOf } from './objects.ts';

/** A small system that keeps every rule, for tests that break one. */
const wellMade = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: booking }
spec:
  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0 } }
  selector: { matchLabels: { app.kubernetes.io/name: booking } }
  template:
    metadata: { labels: { app.kubernetes.io/name: booking } }
    spec:
      serviceAccountName: booking
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 30
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: RuntimeDefault } }
      topologySpreadConstraints:
        - maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          topologyKey: topology.kubernetes.io/zone
          labelSelector: { matchLabels: { app.kubernetes.io/name: booking } }
        - maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          topologyKey: kubernetes.io/hostname
          labelSelector: { matchLabels: { app.kubernetes.io/name: booking } }
      initContainers:
        - name: migrate
          image: registry.example.com/booking:1.2.3
          resources: { requests: { cpu: 1, memory: 1Gi }, limits: { cpu: 1, memory: 1Gi } }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
      containers:
        - name: service
          image: registry.example.com/booking:1.2.3
          resources: { requests: { cpu: 1, memory: 1Gi }, limits: { cpu: 1, memory: 1Gi } }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          ports: [{ name: http, containerPort: 3000 }]
          env:
            - { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: booking-db-app, key: uri } } }
            - { name: DATABASE_POOL_SIZE, value: '10' }
            - { name: PGSSLMODE, value: no-verify }
          startupProbe: { httpGet: { path: /livez, port: http } }
          readinessProbe: { httpGet: { path: /readyz, port: http } }
          livenessProbe: { httpGet: { path: /livez, port: http } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: booking }
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata: { name: booking }
spec: { selector: { app.kubernetes.io/name: booking }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: booking }
spec: { scaleTargetRef: { kind: Deployment, name: booking }, minReplicas: 2, maxReplicas: 6 }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: booking }
spec: { maxUnavailable: 1, selector: { matchLabels: { app.kubernetes.io/name: booking } } }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: booking }
spec:
  rules:
    - host: book.example.com
      http: { paths: [{ path: /v1, pathType: Prefix, backend: { service: { name: booking, port: { name: http } } } }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: default-deny }
spec: { podSelector: {}, policyTypes: [Ingress, Egress] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: booking }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: booking } }
  policyTypes: [Ingress, Egress]
  egress:
    - to: [{ podSelector: { matchLabels: { cnpg.io/cluster: booking-db } } }]
      ports: [{ port: 5432 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: booking-db }
spec:
  podSelector: { matchLabels: { cnpg.io/cluster: booking-db } }
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{ podSelector: { matchLabels: { app.kubernetes.io/name: booking } } }]
      ports: [{ port: 5432 }]
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: { name: booking-db }
spec:
  instances: 3
  imageName: ghcr.io/cloudnative-pg/postgresql:18.6-minimal-trixie
  plugins: [{ name: barman, isWALArchiver: true, parameters: { barmanObjectName: booking-db } }]
  postgresql: { parameters: { max_connections: '100' } }
---
apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: { name: booking-db }
spec: { schedule: 0 0 0 * * *, cluster: { name: booking-db } }
---
apiVersion: barmancloud.cnpg.io/v1
kind: ObjectStore
metadata: { name: booking-db }
spec:
  retentionPolicy: 30d
  configuration:
    destinationPath: s3://backups/
    s3Credentials: { accessKeyId: { name: s, key: k }, secretAccessKey: { name: s, key: k } }
    wal: { compression: gzip, maxParallel: 2 }
    data: { compression: gzip }
  instanceSidecarConfiguration: { resources: { requests: {}, limits: {} } }
`;

const documents = () => parseAllDocuments(wellMade);
const read = (document: ReturnType<typeof documents>[number]): K8sObject => k8sObject.parse(document.toJS());

/** The small system. */
export const sample = (): K8sObject[] => documents().map(read);

/**
 * The small system with one field changed, or taken away when there is no value.
 * @param at kind and name of the object, for example `Deployment booking`
 * @param path of the field, its parts separated by spaces: `spec template spec containers 0 image`
 * @throws Error when there is no such object
 */
export function sampleWith(at: string, path: string, value?: unknown): K8sObject[] {
  const all = documents();
  const changed = all.find(document => nameOf(read(document)) === at);
  if (!changed) throw new Error(`there is no ${at} in the sample`);
  const keys = path.split(' ').map(part => (/^\d+$/.test(part) ? Number(part) : part));
  if (value === undefined) changed.deleteIn(keys);
  else changed.setIn(keys, value);
  return all.map(read);
}

/** The small system without one object. */
export const sampleWithout = (at: string): K8sObject[] => sample().filter(object => nameOf(object) !== at);
