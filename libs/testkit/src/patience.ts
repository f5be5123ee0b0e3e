/** For requests in tests: longer than a contract's deadline; a machine that stands still for a moment is not what is tested. */
export const patience = { deadlineMs: 60_000 };
