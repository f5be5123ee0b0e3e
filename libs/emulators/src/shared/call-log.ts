/** One call that reached an emulator. `status` 0: the connection was broken before an answer. */
export interface Call {
  at: string;
  method: string;
  path: string;
  query: string;
  status: number;
}

export interface CallLog {
  add(call: Call): void;
  /** Newest last; only the last `keep` calls. */
  list(): Call[];
  /** All calls since the last clear, also those no longer listed, by `METHOD path` with ids as `:id`. */
  counts(): Record<string, number>;
  /** How many calls since the last clear had this method and a path that matches. */
  count(method: string, path: RegExp): number;
  clear(): void;
}

/** Remembers calls so that tests can say how often something was asked. `nameOf` turns a path into its route. */
export function createCallLog(nameOf: (path: string) => string = path => path, keep = 1000): CallLog {
  let calls: Call[] = [];
  let byPath = new Map<string, { method: string; path: string; times: number }>();

  return {
    add(call) {
      calls.push(call);
      if (calls.length > keep * 2) calls = calls.slice(-keep);
      const key = `${call.method} ${call.path}`;
      const known = byPath.get(key);
      if (known) known.times += 1;
      else byPath.set(key, { method: call.method, path: call.path, times: 1 });
    },
    list: () => calls.slice(-keep),
    counts() {
      const counts: Record<string, number> = {};
      for (const { method, path, times } of byPath.values()) {
        const route = `${method} ${nameOf(path)}`;
        counts[route] = (counts[route] ?? 0) + times;
      }
      return counts;
    },
    count(method, path) {
      let sum = 0;
      for (const entry of byPath.values()) if (entry.method === method && path.test(entry.path)) sum += entry.times;
      return sum;
    },
    clear() {
      calls = [];
      byPath = new Map();
    },
  };
}
