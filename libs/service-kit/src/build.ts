/** Which code of a service runs: told by its logs, its metrics and, to operators of NATS, by `nats micro ls`. */
export interface Build {
  service: string;
  /** That of the service's package.json. */
  version: string;
  /** The commit it was built from; `unknown` outside images. */
  commit: string;
}
