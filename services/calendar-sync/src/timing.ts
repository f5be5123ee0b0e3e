interface Backoff {
  baseMs: number;
  capMs: number;
}

/** How long things last and wait. Tests that run thousands of steps shorten it; nothing else sets it. */
export interface Timing {
  /** A lease without a sign of life: after that, what a crashed replica held is taken over. */
  leaseMs: number;
  /** A call to Google may take longer than a lease, so a lease that is held is renewed all the time. */
  renewLeaseEveryMs: number;
  /** JetStream gives an event of which it heard nothing for this long to another replica. */
  eventAckMs: number;
  /** How often mirrors and calendars that are due are looked for, beside being nudged. */
  lookForWorkEveryMs: number;
  lookForChannelsEveryMs: number;
  mirrorRetry: Backoff;
  /** The owner has to act first; when that is told to us (reconnecting, choosing a calendar), it goes at once. */
  blockedMirrorMs: number;
  failedMirrorMs: number;
  /** Not longer than a minute: until the next try, availability answers say that Google is unreachable. */
  syncRetry: Backoff;
  /** How often a calendar is listed whole. */
  fullListEveryMs: number;
  /** Over which calendars are spread that are to be read at once when a replica starts. */
  catchUpSpreadMs: number;
  watchRetry: Backoff;
  /** A replica that opens a channel has this long; after that, another one does. */
  watchClaimMs: number;
  /** A push that our own write causes comes within this time, or it is not taken for that. */
  echoMs: number;
  /** How long a push that should come may be missing before the calendar is read all the same. */
  missingEchoMs: number;
  /** Between calls of one account: 110 ms and bursts of 40 are at most 585 calls in any minute; Google allows 600. */
  callSpacingMs: number;
  /** One try to have a booking cancelled takes no longer; after that, whoever was at it has ended. */
  cancelClaimMs: number;
  /** A replica that exchanges a refresh token and gives no sign of life for this long has ended: another one does it. */
  refreshLeaseMs: number;
  /** How long a call waits for an access token. Its exchange goes on, and what it brings serves later calls. */
  refreshPatienceMs: number;
  /** How long an exchange waits for Google: a rotated token in an answer nobody waits for any more is lost for good. */
  refreshAnswerMs: number;
  /** Quota without a `Retry-After`: a second, and up to this much more. */
  quotaPause: Backoff;
}

export const timing: Timing = {
  leaseMs: 6_000,
  renewLeaseEveryMs: 1_500,
  eventAckMs: 10_000,
  lookForWorkEveryMs: 1_000,
  lookForChannelsEveryMs: 5_000,
  mirrorRetry: { baseMs: 500, capMs: 60_000 },
  blockedMirrorMs: 10 * 60_000,
  failedMirrorMs: 60 * 60_000,
  syncRetry: { baseMs: 1_000, capMs: 60_000 },
  fullListEveryMs: 7 * 86_400_000,
  catchUpSpreadMs: 3_000,
  watchRetry: { baseMs: 2_000, capMs: 30 * 60_000 },
  watchClaimMs: 60_000,
  echoMs: 30_000,
  missingEchoMs: 15_000,
  callSpacingMs: 110,
  cancelClaimMs: 15_000,
  refreshLeaseMs: 10_000,
  refreshPatienceMs: 5_000,
  refreshAnswerMs: 60_000,
  quotaPause: { baseMs: 1_000, capMs: 10_000 },
};
