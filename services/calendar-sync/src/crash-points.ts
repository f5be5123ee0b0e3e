/**
 * Places where the process may end at its worst: between an effect and the note of it. Tests name one and end the
 * service there; in production passing one does nothing.
 */
export const crashPoints = [
  'booking recorded, its event not acknowledged',
  'place of a mirror recorded, its event not made',
  'mirror written in Google, not committed',
  'mirror removed from Google, not committed',
  'mirror removed from the old calendar, not made in the new one',
  'mirror committed, its events not published',
  'between two pages of a list',
  'calendar listed, nothing applied',
  'listing applied, booking not told',
  'channel noted, not opened',
  'channel opened, not committed',
  'channel stopped, not committed',
  'token refreshed, the new one not stored',
  'calendar chosen, nobody woken',
  'code exchanged for tokens, connection not stored',
  'left mirror removed from Google, not forgotten',
  'decided to restore, nobody woken',
  'decided to cancel, booking not asked',
  'booking cancelled as decided, not noted',
] as const;

export type CrashPoint = (typeof crashPoints)[number];
