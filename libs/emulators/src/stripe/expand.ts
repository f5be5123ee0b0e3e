import { invalidParam } from './errors.ts';
import type { World } from './store.ts';

/** Stripe expands no deeper. */
export const maxLevels = 4;

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A copy of an answer with the ids at `paths` (`payment_intent.latest_charge`, `data.charge`) replaced by their objects,
 * as deep as the world's `expandedLevels`. Throws Stripe's 400 for a property that cannot be expanded.
 */
export function expand(world: World, answer: object, paths: string[]): unknown {
  for (const path of paths) {
    if (path.split('.').length > maxLevels)
      throw invalidParam('expand', `You cannot expand more than ${maxLevels} levels of a property.`);
  }
  const whole = expandTo(world, answer, paths, maxLevels);
  // A path that does not exist is refused all the same.
  return world.expandedLevels < maxLevels ? expandTo(world, answer, paths, world.expandedLevels) : whole;
}

function expandTo(world: World, answer: object, paths: string[], levels: number): unknown {
  const copy: unknown = structuredClone(answer);
  for (const path of paths) expandPath(world, copy, path.split('.').slice(0, levels), path);
  return copy;
}

function expandPath(world: World, node: unknown, keys: string[], path: string): void {
  const [key, ...rest] = keys;
  if (key === undefined) return;
  if (Array.isArray(node)) {
    for (const item of node) expandPath(world, item, keys, path);
    return;
  }
  if (!isNode(node)) return;
  const value = node[key] === undefined ? includable(world, node, key) : node[key];
  if (value === undefined) throw invalidParam('expand', `This property cannot be expanded (${path}).`);
  const object = typeof value === 'string' ? lookUp(world, value) : value;
  if (object === undefined) throw invalidParam('expand', `This property cannot be expanded (${path}).`);
  node[key] = object;
  expandPath(world, object, rest, path);
}

function lookUp(world: World, id: string): object | undefined {
  const { state } = world;
  const found =
    state.paymentIntents[id] ??
    state.charges[id] ??
    state.refunds[id] ??
    state.disputes[id] ??
    state.balanceTransactions[id] ??
    state.sessions[id]?.session;
  return found && structuredClone(found);
}

/** Properties that are left out unless they are asked for. */
function includable(world: World, node: Node, key: string): object | undefined {
  const id = String(node.id);
  if (node.object === 'checkout.session' && key === 'line_items') {
    const items = world.state.sessions[id]?.lineItems ?? [];
    return {
      object: 'list',
      url: `/v1/checkout/sessions/${id}/line_items`,
      has_more: false,
      data: structuredClone(items),
    };
  }
  if (node.object === 'charge' && key === 'refunds') {
    const refunds = Object.values(world.state.refunds)
      .filter(refund => refund.charge === id)
      .reverse();
    return { object: 'list', url: `/v1/charges/${id}/refunds`, has_more: false, data: structuredClone(refunds) };
  }
  return undefined;
}
