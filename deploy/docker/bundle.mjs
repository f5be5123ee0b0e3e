/**
 * Bundles one service for its image: `node bundle.mjs <source folder> <output folder>`. What comes out needs Node and
 * nothing else: the code in few files, the migrations, and the two things that are read from disk at run time.
 * The layout beside `dist/` is that of a service's own folder, so that `../prisma` means the same in both.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

const [source, out] = process.argv.slice(2).map(path => resolve(path));
if (!source || !out) throw new Error('usage: node bundle.mjs <source folder> <output folder>');
const require = createRequire(join(source, 'package.json'));

/**
 * Prisma carries its query compiler as 4.5 MB of base64 in a module, which would stay in memory for good, twice. In an
 * image it is a file that is read once: `Buffer.from(wasm, 'base64')` of Prisma's client takes what `valueOf` returns.
 */
const queryCompilerAsFile = {
  name: 'query-compiler-as-file',
  setup(bundler) {
    bundler.onLoad({ filter: /query_compiler_\w+\.postgresql\.wasm-base64\.mjs$/ }, async ({ path }) => {
      const file = basename(path).replace('.wasm-base64.mjs', '.wasm');
      const { wasm } = await import(path);
      mkdirSync(join(out, 'dist'), { recursive: true });
      writeFileSync(join(out, 'dist', file), Buffer.from(wasm, 'base64'));
      const contents = `import { readFileSync } from 'node:fs';
        export const wasm = { valueOf: () => readFileSync(new URL('./${file}', import.meta.url)) };`;
      return { contents, loader: 'js' };
    });
  },
};

/**
 * What can be run, by its name in `dist/`. A service that keeps rows has two tools, its migrations and its dead letters; the
 * gateway has what operators ask with its rights.
 */
const keepsRows = existsSync(join(source, 'prisma'));
const entryPoints = {
  main: [join(source, 'src/main.ts'), join(source, 'main.ts')].find(existsSync),
  ...(existsSync(join(source, 'src/demo')) && { demo: join(source, 'src/demo/main.ts') }),
  ...(existsSync(join(source, 'src/ops')) && { ops: join(source, 'src/ops/main.ts') }),
  ...(keepsRows && {
    migrate: resolve('libs/persistence/src/migrate-main.ts'),
    'dead-letters': resolve('libs/messaging/src/dead-letters-main.ts'),
  }),
};
const { metafile } = await build({
  entryPoints,
  outdir: join(out, 'dist'),
  bundle: true,
  // What is imported only when it is needed (the migration engine, tracing) stays a file of its own.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  outExtension: { '.js': '.mjs' },
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
  legalComments: 'linked',
  // Packages of the CommonJS kind ask for Node's own modules through `require`.
  banner: {
    js: "import{createRequire as bundleRequire}from'node:module';const require=bundleRequire(import.meta.url);",
  },
  // pg looks for its native driver and goes on without it.
  external: ['pg-native'],
  plugins: [queryCompilerAsFile],
  metafile: true,
  logLevel: 'warning',
});

if (keepsRows) {
  cpSync(join(source, 'prisma'), join(out, 'prisma'), { recursive: true });
  const engine = dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  cpSync(join(engine, 'schema_engine_bg.wasm'), join(out, 'dist', 'schema_engine_bg.wasm'));
}
// The gateway serves these files of Swagger UI under /docs and finds them through the package's own package.json.
if (Object.keys(metafile.inputs).some(path => path.endsWith('services/gateway/src/main.ts'))) {
  const swagger = dirname(require.resolve('swagger-ui-dist/package.json'));
  const copy = join(out, 'node_modules', 'swagger-ui-dist');
  mkdirSync(copy, { recursive: true });
  for (const file of ['package.json', 'swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png', 'LICENSE']) {
    cpSync(join(swagger, file), join(copy, file));
  }
}
