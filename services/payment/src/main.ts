import { runService } from '@monde-sauvage/service-kit';
import { readConfig } from './config.ts';
import { createPaymentService } from './service.ts';

await runService('payment', async () => createPaymentService(readConfig(process.env)));
