/**
 * One configuration, four kinds of tests, told apart by their file names:
 *   unit         *.test.ts beside its source: pure, no servers
 *   integration  *.int.test.ts in a project's test/: real Postgres and NATS
 *   scenario     e2e/**\/*.scenario.test.ts: the whole system, from outside
 *   property     e2e/**\/*.property.test.ts: random sequences against real services, in one process
 *   containers   e2e/**\/*.containers.test.ts: images and compose, on a Docker engine (npm run test:containers)
 *   browser      e2e/**\/*.browser.test.ts: the pages of a system that npm start runs (npm run test:browser)
 *   k8s          e2e/**\/*.k8s.test.ts: deploy/k8s as kubectl renders it (npm run test:k8s)
 * Servers are started once in globalSetup, only when a selected kind needs them.
 */
const kinds = {
  unit: { testRegex: ['(?<!\\.int|\\.scenario|\\.property|\\.browser|\\.containers|\\.k8s)\\.test\\.ts$'] },
  integration: {
    testRegex: ['\\.int\\.test\\.ts$'],
    globalSetup: '<rootDir>/libs/testkit/src/jest-global-setup.ts',
    globalTeardown: '<rootDir>/libs/testkit/src/jest-global-teardown.ts',
  },
  property: {
    testRegex: ['\\.property\\.test\\.ts$'],
    globalSetup: '<rootDir>/libs/testkit/src/jest-global-setup.ts',
    globalTeardown: '<rootDir>/libs/testkit/src/jest-global-teardown.ts',
  },
  scenario: {
    testRegex: ['\\.scenario\\.test\\.ts$'],
    globalSetup: '<rootDir>/libs/testkit/src/jest-global-setup.ts',
    globalTeardown: '<rootDir>/libs/testkit/src/jest-global-teardown.ts',
  },
};

const browser = { testRegex: ['\\.browser\\.test\\.ts$'] };
const containers = {
  testRegex: ['\\.containers\\.test\\.ts$'],
  globalSetup: '<rootDir>/e2e/containers/global-setup.ts',
};
const k8s = { testRegex: ['\\.k8s\\.test\\.ts$'] };
const asked = {
  ...(process.env.TEST_BROWSER && { browser }),
  ...(process.env.TEST_CONTAINERS && { containers }),
  ...(process.env.TEST_K8S && { k8s }),
};
const selected = Object.keys(asked).length > 0 ? asked : kinds;

export default {
  maxWorkers: 2,
  // No test depends on timing: this ends what hangs, later than `eventually` does, which says for what it waited.
  testTimeout: 240_000,
  projects: Object.entries(selected).map(([displayName, kind]) => ({
    displayName,
    rootDir: import.meta.dirname,
    testEnvironment: 'node',
    extensionsToTreatAsEsm: ['.ts'],
    transform: {
      '\\.ts$': [
        '@swc/jest',
        {
          // `with { type: 'json' }` has to stay: Jest loads JSON modules by it.
          jsc: { target: 'es2024', parser: { syntax: 'typescript' }, experimental: { keepImportAttributes: true } },
          module: { type: 'es6' },
          sourceMaps: 'inline',
        },
      ],
    },
    modulePathIgnorePatterns: ['<rootDir>/.data', '<rootDir>/.nx'],
    testPathIgnorePatterns: ['/node_modules/', '/generated/'],
    ...kind,
  })),
};
