import { findDemo } from './find-demo.ts';
import { availabilityCheck, cancellation, googleBooking, payment, setStage, websiteBooking } from './scenarios.ts';
import { createStory } from './story.ts';

/**
 * `npm run demo`: plays the five scenarios against the running system, over HTTP alone. Where the system is, is read
 * from what `npm start` or `docker compose up` left (find-demo.ts). Exit code 0 only if every step came true.
 */
async function play(): Promise<void> {
  const demo = await findDemo(process.env);
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
