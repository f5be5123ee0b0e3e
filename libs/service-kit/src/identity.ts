import { v7 } from 'uuid';

/** The current time. Passed in everywhere, so that a test can say what time it is. */
export type Clock = () => Date;

/** A new UUIDv7: unique, and sorted by the time it was made. */
export const newId = (): string => v7();
