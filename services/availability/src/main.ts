import { runService } from '@monde-sauvage/service-kit';
import { readConfig } from './config.ts';
import { createAvailabilityService } from './service.ts';

await runService('availability', async () => createAvailabilityService(readConfig(process.env)));
