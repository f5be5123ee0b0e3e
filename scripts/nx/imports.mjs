/**
 * Tells Nx which project imports which: an edge for every `@monde-sauvage/<project>` that a source file names, so that
 * `nx affected` and `nx release` know who depends on a library. Nx's own analysis calls TypeScript's JavaScript API,
 * which TypeScript 7 no longer has.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const name = 'imports';

const workspaceImport = /(?:from|import)\s*\(?\s*['"](@monde-sauvage\/[\w-]+)/g;

/** What only tests import has to be tested again when it changes, and is no reason to release anything. */
const forRelease = process.env.NX_GRAPH_FOR === 'release';
const isTest = file => /\/test\/|\.test\.ts$/.test(file);

/** @type {import('nx/src/project-graph/plugins').CreateDependencies} */
export const createDependencies = (_, { projects, fileMap, workspaceRoot }) =>
  Object.entries(fileMap.projectFileMap).flatMap(([source, files]) =>
    files
      .filter(({ file }) => /\.m?[jt]s$/.test(file) && !(forRelease && isTest(file)))
      .flatMap(({ file: sourceFile }) =>
        namesIn(join(workspaceRoot, sourceFile))
          .filter(target => target !== source && target in projects)
          .map(target => ({ source, target, sourceFile, type: 'static' })),
      ),
  );

const namesIn = path => [
  ...new Set([...readFileSync(path, 'utf8').matchAll(workspaceImport)].map(([, found]) => found)),
];
