import { rm } from 'node:fs/promises';
import { isListening } from '@monde-sauvage/testkit';
import { readSettings } from './platform/settings.ts';

/** Forgets everything a local system has stored. Refused while it runs. */
const settings = readSettings(process.env);
if (await isListening(settings.PORT)) {
  process.stderr.write(`something listens on port ${settings.PORT}: stop the system first (Ctrl-C in npm start)\n`);
  process.exit(1);
}
await rm(settings.DATA_DIR, { recursive: true, force: true });
process.stdout.write(`${settings.DATA_DIR} is empty again\n`);
