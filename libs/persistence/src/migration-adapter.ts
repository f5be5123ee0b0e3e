import type { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';

type PrismaPgAdapter = Awaited<ReturnType<PrismaPg['connect']>>;

const CHAR_OID = 18; // "char", one byte, as in the system catalogs
const BPCHAR_OID = 1042;

/**
 * Makes up for two things that the adapter, made for queries, lacks for migrations.
 * @param onScriptFailure gets the database's error, which the engine passes on in words of its own
 */
export function fitForMigrations(
  factory: PrismaPg,
  onScriptFailure: (error: unknown) => void,
): SqlMigrationAwareDriverAdapterFactory {
  const adapt = (adapter: PrismaPgAdapter) => {
    runScriptsWhole(adapter, onScriptFailure);
    readCatalogs(adapter);
    return adapter;
  };
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => adapt(await factory.connect()),
    connectToShadowDb: async () => adapt(await factory.connectToShadowDb()),
  };
}

/**
 * The adapter cuts scripts at every semicolon, which breaks function bodies ($$ … ; … $$) and runs each piece in a
 * transaction of its own. Sent whole, as the command line does, Postgres parses the script and a failed one leaves
 * nothing behind. `executeRaw` without arguments is just that, and words errors as the engine expects.
 */
function runScriptsWhole(adapter: PrismaPgAdapter, onFailure: (error: unknown) => void): void {
  adapter.executeScript = async script => {
    try {
      await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
    } catch (error) {
      onFailure(error);
      throw error;
    }
  };
}

/**
 * The adapter refuses columns of the type "char", which the engine's look at the catalogs is full of (Prisma issue
 * 27403). They pass as text, and get their type back afterwards.
 */
function readCatalogs(adapter: PrismaPgAdapter): void {
  const charColumns = new WeakMap<object, number[]>(); // by the array of rows, which the adapter passes on
  const pool = adapter.underlyingDriver();
  pool.query = new Proxy(pool.query, {
    apply: async (query, self, args) => {
      const result = await Reflect.apply(query, self, args);
      const found: number[] = []; // stays empty for a script: its result is a list of results
      for (const [index, field] of (result.fields ?? []).entries()) {
        if (field.dataTypeID !== CHAR_OID) continue;
        field.dataTypeID = BPCHAR_OID;
        found.push(index);
      }
      if (found.length > 0) charColumns.set(result.rows, found);
      return result;
    },
  });
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async query => {
    const set = await queryRaw(query);
    for (const index of charColumns.get(set.rows) ?? []) set.columnTypes[index] = ColumnTypeEnum.Character;
    return set;
  };
}
