import { expect, test } from '@jest/globals';
import { createMetrics } from './metrics.ts';

test('tells which code of the service runs', async () => {
  const { registry } = createMetrics('booking', { service: 'booking', version: '1.2.3', commit: '4f1c9ab' });
  expect(await registry.metrics()).toContain('build_info{version="1.2.3",commit="4f1c9ab",service="booking"} 1');
});

test('says nothing of a build that is not known', async () => {
  expect(await createMetrics('booking').registry.metrics()).not.toContain('build_info');
});
