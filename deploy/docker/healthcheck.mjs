/** Docker's health check, for an image without a shell: exit code 0 when the service says that it can do its work. */
import { get } from 'node:http';

const url = process.argv[2] ?? `http://127.0.0.1:${process.env.PORT}/readyz`;
get(url, { timeout: 3_000 }, response => process.exit(response.statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
