import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';

interface Account {
  uid: number;
  gid: number;
}

/** How to run a command as someone other than root, which Postgres insists on. */
export interface Unprivileged {
  /** Who must own the data; undefined when we are not root. */
  account?: Account;
  /** Options for spawn. */
  ids: Partial<Account>;
  /** What to put before the command. */
  prefix: string[];
}

/**
 * As root: the owner of the data, else the account `postgres`, else `nobody`. When a folder on the way is closed to
 * that account (a clone under /root), the process gets the capability to pass it, and no other. As anybody else: no
 * change.
 * @param reach files and folders the account must get at
 * @throws Error with one clear line when it cannot
 */
export function dropRoot(o: { dataDir: string; reach: string[] }): Unprivileged {
  if (process.getuid?.() !== 0) return { ids: {}, prefix: [] };
  const account = ownerOf(o.dataDir) ?? findAccount('postgres') ?? findAccount('nobody') ?? { uid: 65534, gid: 65534 };
  if (canReach(o.reach, [], account)) return { account, ids: account, prefix: [] };
  const asAccount = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const passFolders = ['inh-caps', 'ambient-caps', 'bounding-set'].map(set => `--${set}=-all,+dac_override`);
  // Without no_setuid_fixup, access(2), with which Postgres looks for its own files, would not honour it.
  const prefix = ['setpriv', ...asAccount, ...passFolders, '--securebits=+no_setuid_fixup'];
  if (canReach(o.reach, prefix, {})) return { account, ids: {}, prefix };
  const places = o.reach.join(' or ');
  throw new Error(`Postgres cannot run as root, and user ${account.uid} cannot open ${places}: open the folders above`);
}

function canReach(files: string[], prefix: string[], ids: Partial<Account>): boolean {
  return files.every(file => {
    const [command = 'test', ...args] = [...prefix, 'test', '-x', file];
    return spawnSync(command, args, { ...ids, cwd: '/' }).status === 0;
  });
}

function ownerOf(dataDir: string): Account | undefined {
  if (!existsSync(dataDir)) return undefined;
  const { uid, gid } = statSync(dataDir);
  return uid === 0 ? undefined : { uid, gid };
}

function findAccount(name: string): Account | undefined {
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  const [, , uid, gid] = accounts.find(line => line.startsWith(`${name}:`))?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}
