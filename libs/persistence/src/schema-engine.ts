import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { PrismaFolder } from './migrations-folder.ts';

/**
 * Runs `use` with Prisma's schema engine (the one behind `prisma migrate`, as WebAssembly) on one database.
 * The engine is 5 MB of code: it is loaded at the first call only.
 */
export async function withSchemaEngine<T>(
  databaseUrl: string,
  folder: PrismaFolder,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const { SchemaEngine } = await loadEngine();
  // One connection, so that what the engine sets or locks in a session holds for its next statement too.
  const factory = new PrismaPg({ connectionString: databaseUrl, application_name: 'migrate', max: 1 });
  const engine = await SchemaEngine.new(
    { datamodels: [[folder.schemaPath, folder.schema]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(runScriptsWhole(factory)),
  );
  try {
    return await use(engine);
  } finally {
    engine.free();
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

/**
 * The adapter cuts scripts at every semicolon, which breaks function bodies ($$ … ; … $$) and runs each piece in a
 * transaction of its own. Sent whole, as the command line does, Postgres parses the script and a failed one leaves
 * nothing behind. `executeRaw` without arguments is just that, and words errors as the engine expects.
 */
function runScriptsWhole(factory: PrismaPg): SqlMigrationAwareDriverAdapterFactory {
  const whole = <A extends SqlDriverAdapter>(adapter: A): A => {
    adapter.executeScript = async script => {
      await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
    };
    return adapter;
  };
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => whole(await factory.connect()),
    connectToShadowDb: async () => whole(await factory.connectToShadowDb()),
  };
}

/** The part of the global that is used here; TypeScript knows it only together with the browser's types. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(wasm: object, imports: object): Promise<{ exports: Record<string, unknown> }>;
};

type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');
let loading: Promise<EngineModule> | undefined;

function loadEngine(): Promise<EngineModule> {
  loading ??= instantiate();
  return loading;
}

/** The package's own entry imports the .wasm as a module, which Node only does behind a flag; so by hand. */
async function instantiate(): Promise<EngineModule> {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const wasm = await WebAssembly.compile(await readFile(findWasm()));
  const { exports } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': { ...bindings } });
  bindings.__wbg_set_wasm(exports);
  const start = exports.__wbindgen_start;
  if (typeof start !== 'function') throw new Error('schema_engine_bg.wasm does not fit its bindings');
  start();
  return bindings;
}

/** Beside the running file in a bundled service, else in the installed package. */
function findWasm(): string {
  const bundled = fileURLToPath(new URL('./schema_engine_bg.wasm', import.meta.url));
  if (existsSync(bundled)) return bundled;
  const bindings = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  return path.join(path.dirname(bindings), 'schema_engine_bg.wasm');
}
