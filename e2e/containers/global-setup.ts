import { buildImages } from './images.ts';

/** Once for all tests of containers: the images of the work tree. */
export default async function setup(): Promise<void> {
  await buildImages();
}
