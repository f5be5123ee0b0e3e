import { type Actor, mayManage, ok, type Result, refuse } from '@monde-sauvage/contracts';
import type { Context } from '../context.ts';
import { authorizationUrl, createOAuthClient, hashOf, newSecret } from '../google/oauth.ts';

const stateLifeMs = 10 * 60_000;

/** Begins to connect an establishment: where to send the owner's browser. The `state` in it works once, for 10 minutes. */
export async function connect(
  context: Context,
  input: { actor: Actor; establishmentId: string },
): Promise<Result<{ authorizationUrl: string }>> {
  const { establishmentId } = input;
  if (!mayManage(input.actor, establishmentId)) return refuse('not_found', 'There is no such establishment.');
  const now = context.now();
  const state = newSecret();
  const codeVerifier = newSecret();
  const stateHash = hashOf(state);
  const sealed = context.cipher.seal(codeVerifier, stateHash);
  await context.db.oauthState.deleteMany({ where: { expiresAt: { lt: new Date(now.getTime() - 86_400_000) } } });
  await context.db.oauthState.create({
    data: {
      stateHash,
      establishmentId,
      codeVerifier: sealed.ciphertext,
      keyId: sealed.keyId,
      expiresAt: new Date(now.getTime() + stateLifeMs),
    },
  });
  return ok({ authorizationUrl: authorizationUrl(createOAuthClient(context.config), { state, codeVerifier }) });
}
