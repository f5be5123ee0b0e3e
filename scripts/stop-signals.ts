/**
 * Calls `stop` once somebody wants this process to end: Ctrl-C, SIGTERM, or the end of the process that started it,
 * which is seen by having another parent. It may be called again while the first call is still at work.
 */
export function onStop(stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop('SIGTERM');
  }, 500);
  watch.unref();
}
