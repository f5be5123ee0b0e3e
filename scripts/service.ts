import { parseArgs } from 'node:util';
import { command, sendCommand } from './platform/control.ts';
import { readSettings } from './platform/settings.ts';

/** `npm run service -- stop booking`: stops, starts, restarts or kills one service of a running `npm start`. */
const { positionals } = parseArgs({ allowPositionals: true });
const parsed = command.safeParse({ action: positionals[0], service: positionals[1] });
if (!parsed.success) {
  process.stderr.write('usage: npm run service -- start|stop|restart|kill <service>\n');
  process.exit(2);
}
try {
  const { pid } = await sendCommand(readSettings(process.env).DATA_DIR, parsed.data);
  process.stdout.write(`${parsed.data.service}: ${pid ? `running as process ${pid}` : 'stopped'}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
