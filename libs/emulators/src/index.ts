export { type Demo, demoSchema, isKnown, seedDemo } from './demo/seed.ts';
export type { GoogleAdmin } from './google/admin.ts';
export type { FaultInput } from './google/faults.ts';
export { type GoogleEmulator, type GoogleEmulatorOptions, startGoogleEmulator } from './google/google-emulator.ts';
export type { StripeAdmin } from './stripe/admin.ts';
export { type StripeEmulator, type StripeEmulatorOptions, startStripeEmulator } from './stripe/stripe-emulator.ts';
