/** By then what a start leaves behind (modules, first connections) is garbage. */
const settledAfterMs = 5_000;
const lookEveryMs = 30_000;
/** Share of one processor since the last look. Who uses less is idle: a pause of some 20 ms is not noticed. */
const idleShare = 0.05;
/** What must have gathered since the last time. */
const worthwhileBytes = 3_000_000;

/**
 * An idle replica would keep what its start, or an hour of work, has left: nothing fills its heap, so nothing collects
 * it. Collects once after the start and then whenever there is nothing else to do. Needs `--expose-gc`, as in the image.
 */
export function giveBackMemory(): void {
  const { gc } = globalThis;
  if (!gc) return;
  let kept = 0;
  let processor = process.cpuUsage();
  const collect = async () => {
    await gc({ type: 'major', execution: 'async', flavor: 'last-resort' });
    kept = process.memoryUsage().heapUsed;
  };
  const isIdle = () => {
    const { user, system } = process.cpuUsage(processor);
    processor = process.cpuUsage();
    return (user + system) / 1_000 < idleShare * lookEveryMs;
  };
  setTimeout(() => void collect(), settledAfterMs).unref();
  setInterval(() => {
    if (isIdle() && process.memoryUsage().heapUsed - kept > worthwhileBytes) void collect();
  }, lookEveryMs).unref();
}
