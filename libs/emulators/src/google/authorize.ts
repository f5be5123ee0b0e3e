import { escapeHtml } from '../shared/html.ts';
import { knownScopes } from './grants.ts';
import { html, type Reply, redirect } from './http.ts';
import type { CodeStore } from './oauth.ts';
import { page } from './page-frame.ts';
import type { Context, Route } from './router.ts';
import type { World } from './world.ts';

const path = '/o/oauth2/v2/auth';
const codeLifeMs = 10 * 60_000;

/** The page where a person picks an account and allows or denies. */
export function authorizeRoutes(codes: CodeStore): Route[] {
  return [
    { method: 'GET', path, handle: ({ world, request }) => showPage(world, request.query) },
    { method: 'POST', path, handle: context => decideFromForm(context, codes) },
  ];
}

export interface Decision {
  account: string;
  decision: 'allow' | 'deny';
  /** Scopes the person left ticked; all that were asked for when absent. */
  scopes?: readonly string[] | undefined;
}

interface AuthorizeRequest {
  clientId: string;
  redirectUri: string;
  state: string | null;
  scopes: string[];
  offline: boolean;
  consent: boolean;
  challenge: { value: string; method: 'S256' | 'plain' } | undefined;
}

/** Either a request that can be put to a person, or the answer to one that cannot. */
type Checked = { ok: true; request: AuthorizeRequest } | { ok: false; reply: Reply };

/**
 * Decides an authorization request and returns where the browser is sent: the redirect address with `code` and
 * `state`, or with `error=access_denied`. A request that Google would not redirect for answers its error page.
 */
export function decide(world: World, codes: CodeStore, query: URLSearchParams, decision: Decision): Reply {
  const checked = check(world, query);
  if (!checked.ok) return checked.reply;
  const { request } = checked;
  if (decision.decision === 'deny') return back(request, { error: 'access_denied' });
  if (!world.state.accounts.has(decision.account)) return errorPage('account_not_found', 'No such account.');
  const scopes = request.scopes.filter(scope => decision.scopes === undefined || decision.scopes.includes(scope));
  if (scopes.length === 0) return back(request, { error: 'access_denied' });
  const code = `4/0${world.randomId()}`;
  codes.set(code, {
    email: decision.account,
    clientId: request.clientId,
    redirectUri: request.redirectUri,
    scopes,
    // Google gives a refresh token on the first consent and whenever prompt=consent asks for it again.
    offline: request.offline && (request.consent || !hasOfflineGrant(world, decision.account, request.clientId)),
    challenge: request.challenge,
    expiresAt: world.now().getTime() + codeLifeMs,
  });
  return back(request, { code, scope: scopes.join(' ') });
}

function decideFromForm({ world, request }: Context, codes: CodeStore): Reply {
  const form = new URLSearchParams(request.body);
  return decide(world, codes, new URLSearchParams(form.get('request') ?? ''), {
    account: form.get('account') ?? '',
    decision: form.get('decision') === 'allow' ? 'allow' : 'deny',
    scopes: form.has('scope') || form.has('choose') ? form.getAll('scope') : undefined,
  });
}

function hasOfflineGrant(world: World, email: string, clientId: string): boolean {
  return [...world.state.grants.values()].some(
    grant => grant.email === email && grant.clientId === clientId && !grant.revoked && grant.refreshToken !== undefined,
  );
}

function check(world: World, query: URLSearchParams): Checked {
  const refuse = (reply: Reply): Checked => ({ ok: false, reply });
  const clientId = query.get('client_id') ?? '';
  const redirectUri = query.get('redirect_uri') ?? '';
  if (clientId === '') return refuse(errorPage('invalid_request', 'Missing required parameter: client_id'));
  if (world.client.id !== undefined && clientId !== world.client.id) {
    return refuse(errorPage('invalid_client', 'The OAuth client was not found.', 401));
  }
  const allowed = world.client.allowedRedirects;
  if (!/^https?:$/.test(URL.parse(redirectUri)?.protocol ?? '') || (allowed && !allowed.includes(redirectUri))) {
    return refuse(errorPage('redirect_uri_mismatch', `The redirect URI is not registered: ${redirectUri}`));
  }
  if (query.get('response_type') !== 'code') {
    return refuse(errorPage('unsupported_response_type', 'Invalid response_type: only code is supported'));
  }
  const scopes = (query.get('scope') ?? '').split(' ').filter(scope => scope !== '');
  if (scopes.length === 0) return refuse(errorPage('invalid_request', 'Missing required parameter: scope'));
  const unknown = scopes.filter(scope => !Object.hasOwn(knownScopes, scope));
  if (unknown.length > 0)
    return refuse(errorPage('invalid_scope', `Some requested scopes were invalid: ${unknown.join(' ')}`));
  const method = query.get('code_challenge_method') ?? 'plain';
  const value = query.get('code_challenge');
  if (value !== null && method !== 'S256' && method !== 'plain') {
    return refuse(errorPage('invalid_request', `Invalid code_challenge_method: ${method}`));
  }
  return {
    ok: true,
    request: {
      clientId,
      redirectUri,
      state: query.get('state'),
      scopes,
      offline: query.get('access_type') === 'offline',
      consent: (query.get('prompt') ?? '').split(' ').includes('consent'),
      challenge: value === null ? undefined : { value, method: method === 'S256' ? 'S256' : 'plain' },
    },
  };
}

function back(request: AuthorizeRequest, answer: Record<string, string>): Reply {
  const url = new URL(request.redirectUri);
  if (request.state !== null) url.searchParams.set('state', request.state);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  return redirect(url.href);
}

function errorPage(error: string, message: string, status = 400): Reply {
  return html(
    status,
    page(
      'Access blocked',
      `<h1>Access blocked</h1><p>Error ${status}: <code>${escapeHtml(error)}</code></p><p>${escapeHtml(message)}</p>`,
    ),
  );
}

function showPage(world: World, query: URLSearchParams): Reply {
  const checked = check(world, query);
  if (!checked.ok) return checked.reply;
  const hint = query.get('login_hint');
  const accounts = [...world.state.accounts.values()];
  const chosen = accounts.find(each => each.email === hint) ?? accounts[0];
  const choices = accounts.map(
    ({ email, name }) =>
      `<label class="choice"><input type="radio" name="account" value="${escapeHtml(email)}"${email === chosen?.email ? ' checked' : ''}> <span>${escapeHtml(name)} <small>${escapeHtml(email)}</small></span></label>`,
  );
  const scopes = checked.request.scopes.map(
    scope =>
      `<label class="choice"><input type="checkbox" name="scope" value="${escapeHtml(scope)}" checked> <span>${escapeHtml(knownScopes[scope] ?? scope)} <small>${escapeHtml(scope)}</small></span></label>`,
  );
  const host = new URL(checked.request.redirectUri).host;
  return html(
    200,
    page(
      'Sign in',
      `<h1>Choose an account</h1>
<p>to continue to <strong>${escapeHtml(host)}</strong></p>
<form method="post" action="${path}" class="card">
<input type="hidden" name="request" value="${escapeHtml(query.toString())}"><input type="hidden" name="choose" value="1">
<fieldset><legend>Account</legend>${choices.join('') || '<p>There is no account yet.</p>'}</fieldset>
<fieldset><legend>It wants to</legend>${scopes.join('')}</fieldset>
<p class="actions"><button name="decision" value="allow">Allow</button> <button name="decision" value="deny" class="plain">Deny</button></p>
</form>`,
    ),
  );
}
