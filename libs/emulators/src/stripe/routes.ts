import { z } from 'zod';
import { findBalanceTransaction, listBalanceTransactions } from './balance.ts';
import { findDispute, listDisputes } from './disputes.ts';
import { StripeFault } from './errors.ts';
import { listEvents, retrieveEvent } from './events.ts';
import { expand } from './expand.ts';
import type { FormTree } from './form.ts';
import { listOf, parseParams } from './params.ts';
import { findCharge, findPaymentIntent, listCharges, listPaymentIntents } from './payments.ts';
import { createRefund, findRefund, listRefunds, updateRefund } from './refunds.ts';
import { createSession, expireSession, findSession, listLineItems, listSessions } from './sessions.ts';
import type { World } from './store.ts';

interface ApiCall {
  id: string;
  params: FormTree;
  apiVersion: string;
}

type Handler = (world: World, call: ApiCall) => object;

/** Reads one object: takes no parameters but `expand`. */
const reading = (find: (world: World, id: string) => object): Handler => {
  return (world, { id, params }) => {
    parseParams(z.strictObject({}), params);
    return find(world, id);
  };
};

const routes: Record<string, Handler> = {
  'POST /v1/checkout/sessions': (world, { params, apiVersion }) => createSession(world, params, apiVersion),
  'GET /v1/checkout/sessions': (world, { params }) => listSessions(world, params),
  'GET /v1/checkout/sessions/:id': reading((world, id) => findSession(world, id).session),
  'POST /v1/checkout/sessions/:id/expire': reading(expireSession),
  'GET /v1/checkout/sessions/:id/line_items': (world, { id, params }) => listLineItems(world, id, params),
  'GET /v1/payment_intents': (world, { params }) => listPaymentIntents(world, params),
  'GET /v1/payment_intents/:id': reading(findPaymentIntent),
  'GET /v1/charges': (world, { params }) => listCharges(world, params),
  'GET /v1/charges/:id': reading(findCharge),
  'POST /v1/refunds': (world, { params }) => createRefund(world, params),
  'GET /v1/refunds': (world, { params }) => listRefunds(world, params),
  'GET /v1/refunds/:id': reading(findRefund),
  'POST /v1/refunds/:id': (world, { id, params }) => updateRefund(world, id, params),
  'GET /v1/disputes': (world, { params }) => listDisputes(world, params),
  'GET /v1/disputes/:id': reading(findDispute),
  'GET /v1/balance_transactions': (world, { params }) => listBalanceTransactions(world, params),
  'GET /v1/balance_transactions/:id': reading(findBalanceTransaction),
  'GET /v1/events': (world, { params }) => listEvents(world, params),
  'GET /v1/events/:id': reading(retrieveEvent),
};

const expandSchema = z.strictObject({ expand: listOf(z.string()) });

/** A path with its object id as `:id`: the name under which it is routed and counted. */
export function routeOf(path: string): string {
  return path.replace(/\/(v1|c\/pay)(\/.*)/, (_all, root: string, rest: string) => {
    return `/${root}${rest.replace(/\/[a-z]+_[A-Za-z0-9_]*[A-Z0-9][A-Za-z0-9_]*(?=\/|$)/, '/:id')}`;
  });
}

/** Runs one call of the API and returns its answer, or throws the StripeFault that Stripe answers. */
export function runRoute(
  world: World,
  o: { method: string; path: string; params: FormTree; apiVersion: string },
): unknown {
  const { expand: wanted, ...params } = o.params;
  const { handler, id } = findRoute(o.method, o.path);
  const answer = handler(world, { id, params, apiVersion: o.apiVersion });
  return wanted === undefined ? answer : expand(world, answer, parseParams(expandSchema, { expand: wanted }).expand);
}

function findRoute(method: string, path: string): { handler: Handler; id: string } {
  for (const [route, handler] of Object.entries(routes)) {
    const [routeMethod, pattern = ''] = route.split(' ');
    if (routeMethod !== method) continue;
    const match = new RegExp(`^${pattern.replace(':id', '([^/]+)')}$`).exec(path);
    if (match) return { handler, id: decodeURIComponent(match[1] ?? '') };
  }
  const message = `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`;
  throw new StripeFault(404, { type: 'invalid_request_error', message });
}
