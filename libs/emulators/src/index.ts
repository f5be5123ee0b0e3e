export { type GoogleEmulator, startGoogleEmulator } from './google/google-emulator.ts';
export { type StripeEmulator, startStripeEmulator } from './stripe/stripe-emulator.ts';
