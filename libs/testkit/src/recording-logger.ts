import { createLogger } from '@monde-sauvage/service-kit';

/** A logger as services have it, on its most talkative level, and what it wrote so far. */
export function recordingLogger() {
  const lines: string[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'trace',
    destination: { write: line => void lines.push(line) },
  });
  return { logger, written: () => lines.join('') };
}
