import { createHash } from 'node:crypto';
import {
  authenticate,
  createGrant,
  grantOfAccessToken,
  grantOfRefreshToken,
  type IssuedToken,
  issueAccessToken,
  revokeGrant,
  rotateRefreshToken,
  scopesFor,
} from './grants.ts';
import { type EmulatorRequest, header, isObject, json, parseJsonObject, type Reply } from './http.ts';
import type { Context, Route } from './router.ts';
import type { Grant } from './state.ts';
import type { World } from './world.ts';

/** What an authorization code stands for; used once, within ten minutes. */
export interface AuthorizationCode {
  email: string;
  clientId: string;
  redirectUri: string;
  scopes: string[];
  offline: boolean;
  challenge?: { value: string; method: 'S256' | 'plain' } | undefined;
  expiresAt: number;
}

export type CodeStore = Map<string, AuthorizationCode & { usedFor?: string }>;

/** The token, revoke, tokeninfo and userinfo endpoints (Google: OAuth 2.0 for web server applications). */
export function oauthRoutes(codes: CodeStore): Route[] {
  return [
    { method: 'POST', path: '/token', handle: context => token(context, codes) },
    { method: 'POST', path: '/revoke', handle: revoke },
    { method: 'GET', path: '/revoke', handle: revoke },
    { method: 'POST', path: '/tokeninfo', handle: tokenInfo },
    { method: 'GET', path: '/tokeninfo', handle: tokenInfo },
    { method: 'GET', path: '/oauth2/v3/userinfo', handle: userInfo },
  ];
}

/** Token endpoint errors have a shape of their own (RFC 6749, 5.2). */
const oauthError = (status: number, error: string, description: string): Reply =>
  json(status, { error, error_description: description });

function token({ world, request, note }: Context, codes: CodeStore): Reply {
  const form = formOf(request);
  const refused = checkClient(world, request, form);
  if (refused) return refused;
  const clientId = form.get('client_id') ?? basicCredentials(request)?.id ?? '';
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return exchangeCode(world, form, clientId, codes, note);
    case 'refresh_token':
      return refresh(world, form, clientId, note);
    default:
      return oauthError(400, 'unsupported_grant_type', `Invalid grant_type: ${form.get('grant_type') ?? ''}`);
  }
}

function exchangeCode(
  world: World,
  form: URLSearchParams,
  clientId: string,
  codes: CodeStore,
  note: Context['note'],
): Reply {
  const code = codes.get(form.get('code') ?? '');
  if (!code || code.expiresAt <= world.now().getTime()) return oauthError(400, 'invalid_grant', 'Malformed auth code.');
  note({ email: code.email });
  if (code.usedFor !== undefined) {
    // A code that comes twice may be stolen: what it was exchanged for ends too (RFC 6749, 4.1.2).
    const grant = world.state.grants.get(code.usedFor);
    if (grant) revokeGrant(world, grant);
    return oauthError(400, 'invalid_grant', 'Bad Request');
  }
  if (code.clientId !== clientId) return oauthError(400, 'invalid_grant', 'Bad Request');
  if (code.redirectUri !== form.get('redirect_uri')) return oauthError(400, 'redirect_uri_mismatch', 'Bad Request');
  if (code.challenge) {
    const verifier = form.get('code_verifier');
    if (verifier === null) return oauthError(400, 'invalid_grant', 'Missing code verifier.');
    if (challengeOf(verifier, code.challenge.method) !== code.challenge.value) {
      return oauthError(400, 'invalid_grant', 'Invalid code verifier.');
    }
  }
  const grant = createGrant(world, code);
  code.usedFor = grant.id;
  const issued = tokenAnswer(world, grant);
  const isLasting = grant.refreshToken !== undefined && !world.settings.withholdRefreshTokens;
  return json(200, isLasting ? { ...issued, refresh_token: grant.refreshToken } : issued);
}

function refresh(world: World, form: URLSearchParams, clientId: string, note: Context['note']): Reply {
  const grant = grantOfRefreshToken(world, form.get('refresh_token') ?? '');
  if (!grant) return oauthError(400, 'invalid_grant', 'Bad Request');
  note({ email: grant.email });
  if (grant.revoked) return oauthError(400, 'invalid_grant', 'Token has been expired or revoked.');
  if (grant.clientId !== clientId) return oauthError(401, 'unauthorized_client', 'Unauthorized');
  const issued = tokenAnswer(world, grant);
  if (!world.settings.rotateRefreshTokens) return json(200, issued);
  return json(200, { ...issued, refresh_token: rotateRefreshToken(world, grant) });
}

function tokenAnswer(world: World, grant: Grant): Partial<IssuedToken> {
  const { scope, ...issued } = issueAccessToken(world, grant);
  return world.settings.terse ? issued : { ...issued, scope };
}

function revoke({ world, request, note }: Context): Reply {
  const value = request.query.get('token') ?? formOf(request).get('token') ?? '';
  const grant = grantOfRefreshToken(world, value) ?? grantOfAccessToken(world, value);
  if (!grant || grant.revoked) return oauthError(400, 'invalid_token', 'Token expired or revoked');
  note({ email: grant.email });
  revokeGrant(world, grant);
  return json(200, {});
}

function tokenInfo({ world, request }: Context): Reply {
  const bearer = /^Bearer (.+)$/i.exec(header(request.headers, 'authorization') ?? '')?.[1];
  const value = request.query.get('access_token') ?? formOf(request).get('access_token') ?? bearer ?? '';
  const grant = grantOfAccessToken(world, value);
  if (!grant) return oauthError(400, 'invalid_token', 'Invalid Value');
  const expiresAt = world.state.accessTokens.get(value)?.expiresAt ?? 0;
  return json(200, {
    aud: grant.clientId,
    azp: grant.clientId,
    scope: grant.scopes.join(' '),
    exp: String(Math.floor(expiresAt / 1000)),
    expires_in: String(Math.max(0, Math.floor((expiresAt - world.now().getTime()) / 1000))),
    email: grant.email,
    email_verified: 'true',
    access_type: grant.refreshToken === undefined ? 'online' : 'offline',
  });
}

function userInfo(context: Context): Reply {
  const { email } = authenticate(context, scopesFor.readProfile);
  const name = context.world.state.accounts.get(email)?.name ?? email;
  return json(200, {
    sub: createHash('sha256').update(email).digest('hex').slice(0, 21),
    name,
    email,
    email_verified: true,
  });
}

/** A form body, or the same fields as JSON, which Google takes as well. */
function formOf(request: EmulatorRequest): URLSearchParams {
  if (!(header(request.headers, 'content-type') ?? '').includes('json')) return new URLSearchParams(request.body);
  const body = parseJsonObject(request.body);
  if (!isObject(body)) return new URLSearchParams();
  return new URLSearchParams(Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]));
}

function checkClient(world: World, request: EmulatorRequest, form: URLSearchParams): Reply | undefined {
  const basic = basicCredentials(request);
  const id = form.get('client_id') ?? basic?.id;
  const secret = form.get('client_secret') ?? basic?.secret;
  if (!id) return oauthError(400, 'invalid_request', 'Could not determine client ID from request.');
  if (world.client.id !== undefined && id !== world.client.id) {
    return oauthError(401, 'invalid_client', 'The OAuth client was not found.');
  }
  if (world.client.secret !== undefined && secret !== world.client.secret) {
    return oauthError(401, 'invalid_client', secret === undefined ? 'client_secret is missing.' : 'Unauthorized');
  }
  return undefined;
}

function basicCredentials(request: EmulatorRequest): { id: string; secret: string } | undefined {
  const encoded = /^Basic (.+)$/i.exec(header(request.headers, 'authorization') ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':').map(decodeURIComponent);
  return { id, secret };
}

function challengeOf(verifier: string, method: 'S256' | 'plain'): string {
  return method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url');
}
