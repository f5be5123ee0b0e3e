import { runService } from '@monde-sauvage/service-kit';
import { readConfig } from './config.ts';
import { createGatewayService } from './service.ts';

await runService('gateway', async () => createGatewayService(readConfig(process.env)));
