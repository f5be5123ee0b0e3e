/**
 * Asks once for everybody who asks the same at the same time. Fifty guests who want the nights of one hold that is over
 * are one question to payment, not fifty.
 */
export function singleFlight<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const asked = new Map<string, Promise<T>>();
  return key => {
    const known = asked.get(key);
    if (known) return known;
    const answer = ask(key).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}
