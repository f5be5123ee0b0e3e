import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { planCrashes } from './crash-plan.ts';
import { cuttableLink } from './cuttable-link.ts';

test('whoever passes an armed point first ends there, and passes no other point any more', async () => {
  const plan = planCrashes<'written' | 'committed'>();
  const killed: string[] = [];
  const one = plan.hookFor(point => killed.push(`one at ${point}`));
  const other = plan.hookFor(point => killed.push(`other at ${point}`));
  const passed: string[] = [];
  const pass = async (hook: typeof one, point: 'written' | 'committed', who: string) => {
    await hook(point);
    passed.push(who);
  };
  await pass(one, 'written', 'before it is armed');
  plan.arm('written');
  void pass(one, 'written', 'the one that ends');
  void pass(one, 'committed', 'what ended before');
  await pass(other, 'written', 'another');
  expect(killed).toEqual(['one at written']);
  expect(passed).toEqual(['before it is armed', 'another']);
  expect(plan.struck.get('written')).toBe(1);
});

test('a link that is cut ends its connections and takes no more', async () => {
  const server = createServer(socket => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const link = await cuttableLink(`tcp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  const dial = () => connect({ host: '127.0.0.1', port: Number(new URL(link.url).port) }).on('error', () => undefined);
  const socket = dial();
  socket.write('hello');
  const [echo] = await once(socket, 'data');
  expect(String(echo)).toBe('hello');
  link.cut();
  await closed(socket);
  const late = dial();
  await closed(late);
  expect(late.bytesRead).toBe(0);
  server.close();
});

const closed = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
