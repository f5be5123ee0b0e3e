import { type K8sObject, type NetworkPeer, type NetworkPolicy, ofKind } from './objects.ts';

/** Who may talk to whom, as the NetworkPolicies say it: `booking → nats:4222`. */

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'];

/** A pod selector as one name: by what it is called, or whose database instance it is. */
const podName = (labels: Record<string, string>): string =>
  labels['app.kubernetes.io/name'] ??
  labels['cnpg.io/cluster'] ??
  labels['k8s-app'] ??
  (labels['acme.cert-manager.io/http01-solver'] ? 'certificate-solver' : 'every pod');

function peerName(peer: NetworkPeer): string {
  if (peer.ipBlock) {
    const { cidr, except } = peer.ipBlock;
    if (cidr === '0.0.0.0/0' && privateRanges.every(range => except.includes(range))) return 'internet';
    if (cidr === '::/0' && except.includes('fc00::/7')) return 'internet';
    return cidr === '0.0.0.0/0' || cidr === '::/0' ? 'anywhere' : cidr;
  }
  const pod = peer.podSelector ? podName(peer.podSelector.matchLabels) : undefined;
  const namespace = peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
  if (peer.namespaceSelector) return [namespace ?? 'every namespace', pod].filter(Boolean).join('/');
  return pod ?? 'anywhere';
}

interface Flow {
  from: string;
  to: string;
  /** `4222`, or `53/UDP` for what is not TCP. */
  port: string;
}
const portName = ({ port, protocol }: { port: number | string; protocol: string }) =>
  protocol === 'TCP' ? String(port) : `${port}/${protocol}`;
const write = (flow: Flow) => `${flow.from} → ${flow.to}:${flow.port}`;

const toEach = (
  peers: NetworkPeer[] | undefined,
  ports: { port: number | string; protocol: string }[],
  make: (peer: string, port: string) => Flow,
): Flow[] =>
  (peers ?? [{}]).flatMap(peer =>
    ports.length === 0 ? [make(peerName(peer), 'every port')] : ports.map(port => make(peerName(peer), portName(port))),
  );

const egressOf = (policy: NetworkPolicy): Flow[] => {
  const from = podName(policy.spec.podSelector.matchLabels);
  return policy.spec.egress.flatMap(rule => toEach(rule.to, rule.ports, (to, port) => ({ from, to, port })));
};
const ingressOf = (policy: NetworkPolicy): Flow[] => {
  const to = podName(policy.spec.podSelector.matchLabels);
  return policy.spec.ingress.flatMap(rule => toEach(rule.from, rule.ports, (from, port) => ({ from, to, port })));
};

/**
 * The flows that really pass: between two pods that policies select, both ends have to allow it.
 * @returns each as `from → to:port`, sorted; and those that only one end allows, as sentences
 */
export function readFlows(objects: K8sObject[]): { open: string[]; half: string[] } {
  const policies = ofKind('NetworkPolicy', objects);
  const inside = new Set(policies.map(policy => podName(policy.spec.podSelector.matchLabels)));
  const out = policies.flatMap(egressOf);
  const into = policies.flatMap(ingressOf);
  const sent = new Set(out.map(write));
  const received = new Set(into.map(write));
  const open = new Set([
    ...out.filter(flow => !inside.has(flow.to) || received.has(write(flow))).map(write),
    ...into.filter(flow => !inside.has(flow.from) || sent.has(write(flow))).map(write),
  ]);
  const half = [
    ...out
      .filter(flow => inside.has(flow.to) && !received.has(write(flow)))
      .map(flow => `${write(flow)}: ${flow.from} may send it, but the NetworkPolicy of ${flow.to} does not let it in`),
    ...into
      .filter(flow => inside.has(flow.from) && !sent.has(write(flow)))
      .map(
        flow => `${write(flow)}: ${flow.to} would let it in, but the NetworkPolicy of ${flow.from} does not let it out`,
      ),
  ];
  return { open: [...open].sort(), half };
}

/** Differences from the picture, as sentences. */
export function compareFlows(open: string[], picture: string[]): string[] {
  return [
    ...open.filter(flow => !picture.includes(flow)).map(flow => `${flow} is allowed, but not in the picture`),
    ...picture.filter(flow => !open.includes(flow)).map(flow => `${flow} is in the picture, but not allowed`),
  ];
}

const keepers = ['booking', 'availability', 'calendar-sync', 'payment'];
const services = [...keepers, 'gateway'];
const dns = (who: string) => [`${who} → kube-system/kube-dns:53`, `${who} → kube-system/kube-dns:53/UDP`];

/** docs/architecture.md as flows: what is the same everywhere. */
const everywhere = [
  ...services.flatMap(service => [...dns(service), `${service} → nats:4222`, `monitoring → ${service}:3000`]),
  ...keepers.flatMap(service => {
    const db = `${service}-db`;
    return [
      `${service} → ${db}:5432`,
      ...dns(db),
      ...['5432', '8000'].flatMap(port => [`${db} → ${db}:${port}`, `cnpg-system/cloudnative-pg → ${db}:${port}`]),
      // The Kubernetes API and the object store: without the first no instance starts.
      ...['443', '6443'].map(port => `${db} → anywhere:${port}`),
      `monitoring → ${db}:9187`,
    ];
  }),
  ...dns('nats'),
  'nats → nats:6222',
  'monitoring → nats:7777',
];

export const pictures: Record<'production' | 'dev', string[]> = {
  production: [
    ...everywhere,
    'traefik/traefik → gateway:3000',
    'traefik/traefik → certificate-solver:8089',
    ...['calendar-sync', 'payment'].map(service => `${service} → internet:443`),
    ...services.map(service => `${service} → monitoring:4318`),
  ],
  dev: [
    ...everywhere,
    ...dns('emulators'),
    ...dns('demo'),
    'calendar-sync → emulators:4010',
    'payment → emulators:4020',
    'emulators → gateway:3000',
    'demo → gateway:3000',
    'demo → emulators:4010',
  ],
};
