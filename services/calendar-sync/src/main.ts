import { runService } from '@monde-sauvage/service-kit';
import { readConfig } from './config.ts';
import { createCalendarSyncService } from './service.ts';

await runService('calendar-sync', async () => createCalendarSyncService(readConfig(process.env)));
