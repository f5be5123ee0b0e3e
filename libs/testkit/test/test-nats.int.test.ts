import { expect, test } from '@jest/globals';
import { testNats } from '@monde-sauvage/testkit';
import { connect } from 'nats';

test('gives every test file streams of its own', async () => {
  const servers = await Promise.all([testNats(), testNats()]);
  try {
    for (const { url } of servers) {
      const connection = await connect({ servers: url });
      const manager = await connection.jetstreamManager();
      await manager.streams.add({ name: 'BOOKING', subjects: ['booking.>'] });
      expect((await manager.getAccountInfo()).streams).toBe(1);
      await connection.close();
    }
  } finally {
    await Promise.all(servers.map(server => server.stop()));
  }
});
