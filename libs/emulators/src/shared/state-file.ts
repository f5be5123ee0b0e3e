import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface StateFile {
  /** The state may have changed: save it soon. */
  touch(): void;
  /** Saves now if anything is unsaved. */
  flush(): void;
}

/**
 * Keeps state in a JSON file: saved at most every `delayMs`, by writing a new file and renaming it, so that a crash
 * leaves the old or the new one whole. Without a path nothing is kept.
 */
export function openStateFile(path: string | undefined, snapshot: () => unknown, delayMs = 200): StateFile {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    const next = `${path}.${process.pid}.tmp`;
    writeFileSync(next, JSON.stringify(snapshot()));
    renameSync(next, path);
  };
  return {
    touch() {
      if (path !== undefined) timer ??= setTimeout(save, delayMs).unref();
    },
    flush() {
      if (timer !== undefined) save();
    },
  };
}

/** The parsed JSON of a state file; undefined when there is no such file. Throws when it is not JSON. */
export function readStateFile(path: string | undefined): unknown {
  if (path === undefined || !existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8'));
}
