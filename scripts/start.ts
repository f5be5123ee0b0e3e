import { type Demo, seedDemo } from '@monde-sauvage/emulators';
import { serveControl } from './platform/control.ts';
import { type Platform, startPlatform } from './platform/platform.ts';
import { demoFile, readSettings, type Settings } from './platform/settings.ts';
import { onStop } from './stop-signals.ts';

/** `npm start`: the whole system on this machine, with a demo establishment, until Ctrl-C. */
const began = performance.now();
const say = (line: string) => process.stdout.write(`${line}\n`);
const cleanups: (() => Promise<void>)[] = [];
let stopping: Promise<never> | undefined;

/** Ends in the reverse order of starting; asked twice, it goes on with the first. */
function stop(code: number): Promise<never> {
  stopping ??= (async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
    process.exit(code);
  })();
  return stopping;
}

onStop(() => {
  if (!stopping) say('\nStopping …');
  void stop(0);
});

try {
  const settings = readSettings(process.env);
  const platform = await startPlatform(settings, say);
  cleanups.push(() => platform.stop());
  if (stopping) await stopping;
  const control = await serveControl(settings.DATA_DIR, [
    ...Object.values(platform.services),
    ...(platform.emulators ? [platform.emulators] : []),
  ]);
  cleanups.push(() => control.close());
  say('Preparing the demo establishment …');
  const { gatewayUrl, googleUrl, stripeUrl } = platform;
  const demo = await seedDemo({
    addresses: { gatewayUrl, googleUrl, stripeUrl },
    adminKey: settings.secrets.ADMIN_API_KEY,
    connectGoogle: settings.GOOGLE_API_BASE_URL === undefined,
    file: demoFile(settings.DATA_DIR),
  });
  describe(settings, platform, demo);
} catch (error) {
  if (!stopping) process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  await stop(1);
}

function describe(settings: Settings, platform: Platform, demo: Demo): void {
  const chalet = demo.chalets[0];
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const body = JSON.stringify({
    chaletId: chalet?.id,
    startDate: day(30),
    endDate: day(33),
    customer: { name: 'John Doe', email: 'john.doe@example.com' },
  });
  say(`
Monde Sauvage is running (${((performance.now() - began) / 1000).toFixed(1)} s).

  API            ${platform.gatewayUrl}   (documentation: ${platform.gatewayUrl}/docs)
  Owner key      ${demo.ownerKey}
  Admin key      ${settings.secrets.ADMIN_API_KEY}
  Establishment  ${demo.establishmentId}
  Chalets        ${demo.chalets.map(({ name, id }) => `${name} = ${id}`).join('\n                 ')}
  Google         ${platform.googleUrl}   (the owner's calendars${settings.GOOGLE_API_BASE_URL ? '' : ', an emulator'})
  Stripe         ${platform.stripeUrl}   (payments${settings.STRIPE_API_BASE_URL ? '' : ', an emulator'})
  Logs           ${settings.DATA_DIR}/logs

Book a stay:

  curl -s ${platform.gatewayUrl}/v1/bookings -H 'content-type: application/json' -d '${body}'

npm run demo plays the five scenarios. Ctrl-C stops everything; the data stay (npm run reset empties them).`);
}
