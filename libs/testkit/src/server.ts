/** A database or message server that runs as a process of its own and dies with us. */
export interface Server {
  readonly url: string;
  readonly port: number;
  /** Of the server now running; another one after `restart`. */
  readonly pid: number;
  /** Orderly end; the data stay. */
  stop(): Promise<void>;
  /** SIGKILL, for tests of crashes; the data stay as they were on disk. */
  kill(): Promise<void>;
  /** Starts again on the same port and data, after `stop` or `kill` or instead of them. */
  restart(): Promise<void>;
}
