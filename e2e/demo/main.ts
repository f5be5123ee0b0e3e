import { existsSync, readFileSync } from 'node:fs';
import { demoFile, demoSchema } from '../../scripts/platform/seed.ts';
import { readSettings } from '../../scripts/platform/settings.ts';
import { availabilityCheck, cancellation, googleBooking, payment, setStage, websiteBooking } from './scenarios.ts';
import { createStory } from './story.ts';

/**
 * `npm run demo`: plays the five scenarios against the running system, over HTTP alone. Where the system is, is read
 * from the file `npm start` wrote, or from DEMO_FILE. Exit code 0 only if every step came true.
 */
async function play(): Promise<void> {
  const file = process.env.DEMO_FILE ?? demoFile(readSettings(process.env).DATA_DIR);
  if (!existsSync(file))
    throw new Error('the system has not been started yet: run npm start in another terminal first');
  const demo = demoSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const story = createStory(line => process.stdout.write(`${line}\n`));
  const stage = await setStage(demo, story);
  process.stdout.write(`Monde Sauvage at ${demo.gatewayUrl}: ${stage.chalet.name}, from ${stage.from} on\n`);
  const booked = await websiteBooking(stage);
  await googleBooking(stage);
  await availabilityCheck(stage);
  await cancellation(stage);
  await payment(stage, booked);
  process.stdout.write('\nAll five scenarios came true.\n');
}

try {
  await play();
} catch (error) {
  const refused = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    refused ? `✗ the system does not answer (${refused}): start it with npm start\n` : `\n✗ ${message}\n`,
  );
  process.exit(1);
}
