import { createdBooking, booking as wholeBooking } from '@monde-sauvage/contracts';
import { z } from 'zod';
import type { Answer, Api } from '../support/api.ts';
import type { Databases } from './databases.ts';
import { count, type Finding, one } from './look.ts';

const promised = createdBooking.pick({ id: true, chaletId: true, startDate: true, endDate: true });
const row = z.object({
  id: z.string(),
  chaletId: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  status: z.string(),
});

/** What the API answered during a test: every booking that it accepted and every cancellation. */
export interface Answers {
  /** The same system with its clients listened to; so are those made of them with `as`. */
  listenTo<S extends { api: Api; admin: Api }>(system: S): S;
  /** B: every booking answered 2xx exists, every cancellation answered 2xx is cancelled. */
  check(databases: Databases): Promise<Finding>;
}

export function recordAnswers(): Answers {
  const booked = new Map<string, z.output<typeof promised>>();
  const cancelled = new Set<string>();
  const note = (method: string, path: string, answer: Answer) => {
    if (method !== 'POST' || answer.status < 200 || answer.status > 299) return;
    if (path === '/v1/bookings') {
      const created = promised.parse(answer.body);
      booked.set(created.id, created);
    } else if (/^\/v1\/bookings\/[^/]+\/cancel$/.test(path)) {
      cancelled.add(wholeBooking.pick({ id: true }).parse(answer.body).id);
    }
  };
  const listen = (api: Api): Api => {
    const call: Api['call'] = async (method, path, o) => {
      const answer = await api.call(method, path, o);
      note(method, path, answer);
      return answer;
    };
    return {
      call,
      async expect(status, schema, method, path, o) {
        const answer = await call(method, path, o);
        if (answer.status !== status) {
          throw new Error(`${method} ${path}: expected ${status}, got ${answer.status} ${JSON.stringify(answer.body)}`);
        }
        return schema.parse(answer.body);
      },
      as: token => listen(api.as(token)),
    };
  };
  return {
    listenTo: system => ({ ...system, api: listen(system.api), admin: listen(system.admin) }),
    async check({ booking }) {
      const found = await booking.rows(
        row,
        `SELECT id, chalet_id AS "chaletId", start_date AS "startDate", end_date AS "endDate", status
         FROM bookings WHERE id = ANY($1::uuid[])`,
        [[...new Set([...booked.keys(), ...cancelled])]],
      );
      const rows = one(found, ({ id }) => id);
      const lost = [...booked.values()].flatMap(({ id, chaletId, startDate, endDate }) => {
        const it = rows.get(id);
        if (!it) return `booking ${id} was answered and does not exist`;
        const isSame = it.chaletId === chaletId && it.startDate === startDate && it.endDate === endDate;
        return isSame ? [] : `booking ${id} is for another stay than was answered`;
      });
      const undone = [...cancelled].flatMap(id => {
        const status = rows.get(id)?.status;
        return status === 'cancelled'
          ? []
          : `the cancellation of booking ${id} was answered; it is ${status ?? 'gone'}`;
      });
      return {
        invariant: 'B',
        promise: 'what was answered is so',
        looked: `${count(booked.size, 'booking')} and ${count(cancelled.size, 'cancellation')} answered`,
        violations: [...lost, ...undone],
      };
    },
  };
}
