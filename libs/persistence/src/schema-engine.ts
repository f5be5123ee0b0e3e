import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';
import { firstLine } from './database-url.ts';
import { fitForMigrations } from './migration-adapter.ts';
import type { PrismaFolder } from './migrations-folder.ts';

/**
 * Runs `use` with Prisma's schema engine (the one behind `prisma migrate`, as WebAssembly) on one database.
 * What the database says against a script is thrown as it is, not as the engine words it.
 * The engine is 5 MB of code: it is loaded at the first call only.
 */
export async function withSchemaEngine<T>(
  databaseUrl: string,
  folder: PrismaFolder,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const { SchemaEngine } = await loadEngine();
  // One connection, so that what the engine sets or locks in a session holds for its next statement too.
  const pool = new pg.Pool({ connectionString: databaseUrl, application_name: 'migrate', max: 1 });
  pool.on('error', () => undefined); // a lost connection shows in the next statement
  let scriptFailure: unknown;
  const factory = fitForMigrations(new PrismaPg(pool), error => {
    scriptFailure = error;
  });
  const adapter = bindMigrationAwareSqlAdapterFactory(factory);
  try {
    const datamodels: [string, string][] = [[folder.schemaPath, folder.schema]];
    return await use(await SchemaEngine.new({ datamodels }, () => undefined, adapter));
  } catch (error) {
    const id = /^External error id#(\d+)/.exec(firstLine(error))?.[1]; // thrown on our side
    throw scriptFailure ?? takePanic(error) ?? (id && adapter.errorRegistry.consumeError(Number(id))?.error) ?? error;
  } finally {
    await pool.end();
  }
}

/** The migrations in the shape the engine takes them. */
export function toMigrationList(folder: PrismaFolder): MigrationList {
  return {
    baseDir: folder.migrationsDir,
    lockfile: { path: 'migration_lock.toml', content: folder.lockfile },
    shadowDbInitScript: '',
    migrationDirectories: folder.migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
}

/** The part of the global that is used here; TypeScript knows it only together with the browser's types. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(wasm: object, imports: object): Promise<{ exports: Record<string, unknown> }>;
};

type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');
let loading: Promise<EngineModule> | undefined;
let lastPanic: string | undefined;

function rememberPanic(message: string): void {
  lastPanic = message;
}

/** What a panic of the engine said, which its error does not. A panicked engine is of no more use: load another. */
function takePanic(cause: unknown): Error | undefined {
  if (lastPanic === undefined) return undefined;
  const panic = new Error(lastPanic, { cause });
  lastPanic = undefined;
  loading = undefined;
  return panic;
}

function loadEngine(): Promise<EngineModule> {
  loading ??= instantiate();
  return loading;
}

/** The package's own entry imports the .wasm as a module, which Node only does behind a flag; so by hand. */
async function instantiate(): Promise<EngineModule> {
  // The engine reports a panic here; without it, the report itself would bring the process down.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: rememberPanic } });
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const wasm = await WebAssembly.compile(await readFile(findWasm()));
  const { exports } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': withoutHold(bindings) });
  bindings.__wbg_set_wasm(exports);
  const start = exports.__wbindgen_start;
  if (typeof start !== 'function') throw new Error('schema_engine_bg.wasm does not fit its bindings');
  start();
  return bindings;
}

/** The engine never clears the ten seconds it gives its lock; they must not keep a finished process (or test) alive. */
function withoutHold(bindings: object): object {
  const imports = Object.entries(bindings).map(([name, value]) => {
    if (!name.startsWith('__wbg_setTimeout') || typeof value !== 'function') return [name, value];
    return [name, (callback: unknown, delayMs: unknown) => value(callback, delayMs).unref()];
  });
  return Object.fromEntries(imports);
}

/** Beside the running file in a bundled service, else in the installed package. */
function findWasm(): string {
  const bundled = fileURLToPath(new URL('./schema_engine_bg.wasm', import.meta.url));
  if (existsSync(bundled)) return bundled;
  const bindings = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  return path.join(path.dirname(bindings), 'schema_engine_bg.wasm');
}
