/** Disputes, pure: what those of one charge come to. */

/** A dispute as Stripe tells it, with the money that it moved: negative when it was taken. */
export interface StripeDisputeState {
  id: string;
  amount: number;
  currency: string;
  reason: string;
  status: string;
  dueBy: Date | null;
  openedAt: Date;
  movements: { id: string; amount: number; at: Date }[];
}

/** A charge can be disputed more than once: what is still contested comes first, else the newest decides. */
export const sumUpDisputes = (disputes: StripeDisputeState[]): string | null =>
  (
    disputes.find(({ status }) => isUndecided(status)) ??
    disputes.find(({ status }) => isContested(status)) ??
    disputes[0]
  )?.status ?? null;

/** What disputes took and did not give back, in minor units. */
export const withdrawnBy = (disputes: StripeDisputeState[]): number =>
  Math.max(0, -disputes.flatMap(dispute => dispute.movements).reduce((sum, movement) => sum + movement.amount, 0));

/** The ends that a dispute can come to (Stripe: disputes, `status`). */
export const decidedStatuses = ['won', 'lost', 'warning_closed', 'prevented'] as const;

/** Open or lost: the money is the bank's, or may become it. */
export const isContested = (disputeStatus: string | null): boolean =>
  disputeStatus === 'lost' || (disputeStatus !== null && !decidedStatuses.some(status => status === disputeStatus));

/** Open: nobody knows yet whose the money is. */
const isUndecided = (disputeStatus: string | null): boolean => isContested(disputeStatus) && disputeStatus !== 'lost';

/** While a bank contests a payment, nothing of it is given back by us: the guest would get it twice. */
export const isUnderDispute = ({ disputeStatus }: { disputeStatus: string | null }): boolean =>
  isUndecided(disputeStatus);
