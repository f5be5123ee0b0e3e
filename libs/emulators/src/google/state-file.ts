import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { emptyState, parseState, type State, serializeState } from './state.ts';

export interface StateFile {
  /** Has the state saved soon; many changes in a row become one write. */
  markDirty(): void;
  /** Saves now what is not saved yet. */
  flush(): void;
}

const saveDelayMs = 200;

/** The saved state, or an empty one when the file does not exist. Throws when the file is unreadable. */
export function loadState(path: string | undefined): State {
  if (path === undefined || !existsSync(path)) return emptyState();
  return parseState(readFileSync(path, 'utf8'));
}

/** Keeps `state` in a file, written beside it first and renamed, so that a crash never leaves half a file. */
export function openStateFile(path: string | undefined, state: State): StateFile {
  if (path === undefined) return { markDirty: () => {}, flush: () => {} };
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    mkdirSync(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}.tmp`;
    writeFileSync(draft, serializeState(state), { mode: 0o600 });
    renameSync(draft, path);
  };
  return {
    markDirty: () => {
      timer ??= setTimeout(flush, saveDelayMs).unref();
    },
    flush,
  };
}
