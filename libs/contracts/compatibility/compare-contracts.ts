import { compareSchemas, type Effect, type SchemaChange } from './compare-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import type { NatsFile, Published, PublishedRoute } from './snapshot.ts';

/** One difference between what was released and what is there now. */
export interface Difference {
  /** A subject, a stream, or a method and path. */
  of: string;
  /** Something that runs today would stop working beside the new version. */
  breaking: boolean;
  /** The rest of the sentence: which field, what happened to it, who is hurt. */
  says: string;
}

/**
 * Who is older than whom when two versions run side by side, which they do during every release:
 *   `input`   what callers send: older callers are read by the new service
 *   `output`  what a service answers: new callers read the old service, older callers read the new one
 *   `event`   the same, and the stream holds what was published before
 *   `answer`  what HTTP clients read: they are always older
 */
type Role = 'input' | 'output' | 'event' | 'answer';

/** Why an effect breaks a role; what is not named breaks nobody. */
const hurts: Record<Role, Partial<Record<Effect, string>>> = {
  input: {
    removed: 'callers send it',
    narrowed: 'callers may still send what is now refused',
    required: 'callers leave it out: add `.optional()` or `.default(…)`',
    defaulted: 'callers that leave it out get something else',
    both: 'callers may still send what was allowed',
  },
  output: {
    removed: 'callers read it',
    narrowed: 'the released version may still answer what new callers now refuse',
    required: 'answers of the released version may lack it: add `.optional()` or `.default(…)`',
    widened: 'callers that run today do not know it',
    both: 'callers and services of different versions would refuse each other',
  },
  event: {
    removed: 'consumers read it',
    narrowed: 'messages already in the stream may be what consumers now refuse',
    required: 'messages of the released publisher may lack it: add `.optional()` or `.default(…)`',
    widened: 'consumers that run today do not know it',
    both: 'consumers and publishers of different versions would refuse each other',
  },
  answer: {
    removed: 'clients read it',
    widened: 'clients that run today do not know it',
    both: 'clients expect it as it was',
  },
};

const breaking = (of: string, says: string): Difference => ({ of, breaking: true, says });
const compatible = (of: string, says: string): Difference => ({ of, breaking: false, says });

/** Every difference between the released contracts and those of now. */
export function compareContracts(released: Published, now: Published): Difference[] {
  const [before, after] = [tablesOf(released), tablesOf(now)];
  return [
    ...compareTables('stream', before.streams, after.streams, compareStreams),
    ...compareTables('event', before.events, after.events, compareEvents),
    ...compareTables('request', before.requests, after.requests, compareRequests),
    ...compareTables('route', before.routes, after.routes, compareRoutes),
  ];
}

/** The files say who publishes what; a subject is compared wherever it is stored. */
function tablesOf({ nats, http }: Published) {
  const files = Object.values(nats);
  return {
    streams: Object.fromEntries(files.flatMap(file => Object.entries(file.streams))),
    events: Object.fromEntries(files.flatMap(file => Object.entries(file.events))),
    requests: Object.fromEntries(files.flatMap(file => Object.entries(file.requests))),
    routes: Object.fromEntries(Object.values(http).flatMap(file => Object.entries(file.routes))),
  };
}

function compareTables<T>(
  kind: 'stream' | 'event' | 'request' | 'route',
  before: Record<string, T>,
  after: Record<string, T>,
  compare: (name: string, before: T, after: T) => Difference[],
): Difference[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap(name => {
    const [old, now] = [before[name], after[name]];
    if (old === undefined) return [compatible(name, `the ${kind} is new`)];
    if (now === undefined) return [breaking(name, `the ${kind} was removed, and is in use`)];
    return compare(name, old, now);
  });
}

function compareStreams(
  name: string,
  before: NatsFile['streams'][string],
  after: NatsFile['streams'][string],
): Difference[] {
  const lost = before.subjects.filter(subject => !after.subjects.includes(subject));
  const gained = after.subjects.filter(subject => !before.subjects.includes(subject));
  return [
    ...lost.map(subject => breaking(name, `the stream no longer takes \`${subject}\`, its publisher would be refused`)),
    ...gained.map(subject => compatible(name, `the stream also takes \`${subject}\``)),
  ];
}

function compareEvents(
  subject: string,
  before: NatsFile['events'][string],
  after: NatsFile['events'][string],
): Difference[] {
  const moved = `the event moved from stream ${before.stream} to ${after.stream}, consumers read the former`;
  return [
    ...(before.stream === after.stream ? [] : [breaking(subject, moved)]),
    ...comparePart('event', subject, '', before.body, after.body),
  ];
}

function compareRequests(
  subject: string,
  before: NatsFile['requests'][string],
  after: NatsFile['requests'][string],
): Difference[] {
  return [
    ...compareDeadlines(subject, before.deadlineMs, after.deadlineMs),
    ...comparePart('input', subject, 'input', before.input, after.input),
    ...comparePart('output', subject, 'output', before.output, after.output),
  ];
}

function compareDeadlines(subject: string, old: number, now: number): Difference[] {
  const change = `the deadline changed from ${old} ms to ${now} ms`;
  if (now < old)
    return [breaking(subject, `${change}, new callers give up on a released version that may take longer`)];
  return now > old ? [compatible(subject, `${change}, callers that run today still wait ${old} ms`)] : [];
}

function compareRoutes(name: string, before: PublishedRoute, after: PublishedRoute): Difference[] {
  return [
    ...compareCallers(name, before.who, after.who),
    ...comparePart('input', name, 'path parameter', before.params, after.params),
    ...comparePart('input', name, 'query parameter', before.query, after.query),
    ...comparePart('input', name, 'header', before.headers, after.headers),
    ...compareBodies(name, before.body, after.body),
    ...compareSuccess(name, before.success, after.success),
    ...compareRefusals(name, before.refusals, after.refusals),
  ];
}

function compareCallers(name: string, before: string[], after: string[]): Difference[] {
  const lost = before.filter(caller => !after.includes(caller) && !after.includes('public'));
  const gained = after.filter(caller => !before.includes(caller));
  return [
    ...lost.map(caller => breaking(name, `\`${caller}\` may no longer call it, and does`)),
    ...gained.map(caller => compatible(name, `\`${caller}\` may call it too`)),
  ];
}

function compareBodies(name: string, before: PublishedRoute['body'], after: PublishedRoute['body']): Difference[] {
  if (before === null && after === null) return [];
  if (before === null) {
    return after?.required
      ? [breaking(name, 'a body became required, clients send none')]
      : [compatible(name, 'a body may be sent')];
  }
  if (after === null) return [breaking(name, 'the body is no longer read, clients send it')];
  const requirement = after.required
    ? [breaking(name, 'the body became required, clients may leave it out')]
    : [compatible(name, 'the body became optional')];
  return [
    ...(before.required === after.required ? [] : requirement),
    ...comparePart('input', name, 'body field', before.schema, after.schema),
  ];
}

function compareSuccess(
  name: string,
  before: PublishedRoute['success'],
  after: PublishedRoute['success'],
): Difference[] {
  const told = (what: string, old: unknown, now: unknown) =>
    old === now
      ? []
      : [breaking(name, `the ${what} changed from ${old ?? 'none'} to ${now ?? 'none'}, clients expect the former`)];
  const location = before.location === null && after.location !== null;
  return [
    ...told('status of success', before.status, after.status),
    ...told('content type', before.contentType, after.contentType),
    ...(location
      ? [compatible(name, 'the answer says its Location')]
      : told('Location', before.location, after.location)),
    ...(before.schema !== null && after.schema === null
      ? [breaking(name, 'the answer lost its body, clients read it')]
      : []),
    ...(before.schema === null && after.schema !== null ? [compatible(name, 'the answer has a body')] : []),
    ...(before.schema && after.schema ? comparePart('answer', name, 'answer field', before.schema, after.schema) : []),
  ];
}

function compareRefusals(name: string, before: Record<string, number>, after: Record<string, number>): Difference[] {
  return Object.entries(after).flatMap(([code, status]) => {
    const old = before[code];
    if (old === undefined) return [compatible(name, `may also refuse with \`${code}\` (${status})`)];
    if (old === status) return [];
    return [breaking(name, `the status of \`${code}\` changed from ${old} to ${status}, clients tell refusals by it`)];
  });
}

/** The differences of one schema, each as a sentence about a field. */
function comparePart(role: Role, of: string, part: string, before: JsonSchema, after: JsonSchema): Difference[] {
  return compareSchemas(before, after).map(change => {
    const why = hurts[role][change.effect];
    const says = `${nameField(part, change)} ${change.what}`;
    return why === undefined ? compatible(of, says) : breaking(of, `${says}, ${why}`);
  });
}

function nameField(part: string, { path }: SchemaChange): string {
  if (path !== '') return part === '' ? `\`${path}\`` : `${part} \`${path}\``;
  return part === '' ? 'the body' : `the ${part.replace(' field', '')} as a whole`;
}

/** The sentences to show: subjects that say the same share one. */
export function tell(differences: readonly Difference[]): string[] {
  const bySentence = Map.groupBy(differences, ({ says }) => says);
  return [...bySentence].map(([says, those]) => `${those.map(({ of }) => of).join(', ')}: ${says}`);
}
