import { join } from 'node:path';
import { VersionActions } from 'nx/release';

/**
 * How `nx release` reads and writes the version of a service: in its package.json. Nothing is published to a registry,
 * and libraries have no versions of their own, so there is nothing else to update; what Nx brings for that (`@nx/js`)
 * is not installed.
 */
export default class PackageVersion extends VersionActions {
  validManifestFilenames = ['package.json'];

  get #manifest() {
    return join(this.projectGraphNode.data.root, 'package.json');
  }

  #read(tree) {
    return JSON.parse(tree.read(this.#manifest, 'utf-8'));
  }

  async readCurrentVersionFromSourceManifest(tree) {
    return { currentVersion: this.#read(tree).version, manifestPath: this.#manifest };
  }

  async readCurrentVersionFromRegistry() {
    return null;
  }

  async readCurrentVersionOfDependency() {
    return { currentVersion: null, dependencyCollection: null };
  }

  async updateProjectVersion(tree, version) {
    tree.write(this.#manifest, `${JSON.stringify({ ...this.#read(tree), version }, null, 2)}\n`);
    return [`✍️  ${this.#manifest} has version ${version} now`];
  }

  async updateProjectDependencies() {
    return [];
  }
}
