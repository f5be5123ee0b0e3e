import { runService } from '@monde-sauvage/service-kit';
import { readConfig } from './config.ts';
import { createBookingService } from './service.ts';

await runService('booking', async () => createBookingService(readConfig(process.env)));
