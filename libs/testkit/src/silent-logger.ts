import { pino } from 'pino';

/** A logger that says nothing, for what wants one. */
export const silentLogger = pino({ level: 'silent' });
