import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { docker } from './compose.ts';
import { prepareSystem, type System } from './system.ts';

/** Three NATS nodes and two replicas of every service, as docker-compose.cluster.yml adds them. Needs a Docker engine. */

let system: System;

beforeAll(async () => {
  system = await prepareSystem();
  await system.cluster.run('up', '-d');
}, 600_000);

afterAll(async () => {
  await system?.remove();
}, 600_000);

it('the cluster plays the five scenarios', async () => {
  expect(await system.playDemo()).toContain('All five scenarios came true.');
}, 600_000);

it('the cluster plays them with one NATS node and one replica of each service stopped', async () => {
  const replicated = ['booking', 'availability', 'calendar-sync', 'payment', 'gateway-replica'];
  const first = await Promise.all(replicated.map(async service => (await system.cluster.containers(service)).sort()));
  expect(first.map(names => names.length)).toEqual([2, 2, 2, 2, 2]);
  const [node = ''] = await system.cluster.containers('nats');
  await docker('stop', '--time', '15', node, ...first.map(([name = '']) => name));
  expect(await system.playDemo()).toContain('All five scenarios came true.');
  await system.checkInvariants();
}, 600_000);
