import { establishmentRequests, httpRoutes } from '@monde-sauvage/contracts';
import { guarded, open, type ServedRoute } from '../route.ts';

export const establishmentRoutes: ServedRoute[] = [
  guarded(httpRoutes.createEstablishment, ({ ask, actor, body }) =>
    ask(establishmentRequests.createEstablishment, { actor, establishment: body }),
  ),
  open(httpRoutes.getEstablishment, ({ ask, params }) =>
    ask(establishmentRequests.getEstablishment, { establishmentId: params.id }),
  ),
  guarded(httpRoutes.updateEstablishment, ({ ask, actor, params, body }) =>
    ask(establishmentRequests.updateEstablishment, { actor, establishmentId: params.id, patch: body }),
  ),
  guarded(httpRoutes.createKey, ({ ask, actor, params, body }) =>
    ask(establishmentRequests.createKey, { actor, establishmentId: params.id, name: body.name }),
  ),
  guarded(httpRoutes.listKeys, ({ ask, actor, params, query }) =>
    ask(establishmentRequests.listKeys, { actor, establishmentId: params.id, ...query }),
  ),
  guarded(httpRoutes.deleteKey, async ({ ask, actor, params }) => {
    const input = { actor, establishmentId: params.id, keyId: params.keyId };
    const deleted = await ask(establishmentRequests.deleteKey, input);
    return deleted.ok ? { ok: true, value: undefined } : deleted;
  }),
];
