import { type Html, html } from '../shared/html.ts';
import { formatMoney } from './money.ts';
import type { StoredSession, World } from './store.ts';

const style = html`<style>
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1a2b23; background: #f4f6f3 }
body { margin: 0 auto; padding: 2rem 1rem; max-width: 46rem }
main { background: #fff; border: 1px solid #d7ded8; border-radius: 12px; padding: 1.5rem; box-shadow: 0 1px 3px #0001 }
h1 { font-size: 1.35rem; margin: 0 0 1rem } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
table { width: 100%; border-collapse: collapse } th, td { text-align: left; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid #e6ebe7; vertical-align: top }
td.amount, th.amount { text-align: right; white-space: nowrap; padding-right: 0 } code { font-size: .8rem; word-break: break-all }
label { display: block; margin: .75rem 0 } input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #9aa8a0; border-radius: 6px }
.actions { display: grid; gap: .6rem; margin-top: 1.25rem } button { font: inherit; padding: .65rem 1rem; border-radius: 8px; border: 1px solid #1f5c42; background: #fff; color: #1f5c42; cursor: pointer }
button.main { background: #1f5c42; color: #fff; font-weight: 600 } button:focus-visible, input:focus-visible, a:focus-visible { outline: 3px solid #e0a030; outline-offset: 2px }
.note { background: #fdf3dc; border-left: 4px solid #e0a030; padding: .6rem .8rem; border-radius: 4px; margin: 0 0 1rem } .muted { color: #55655d; font-size: .9rem }
a { color: #1f5c42 }
</style>`;

function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>${style}</head>
<body><main>${body}</main><p class="muted">Stripe emulator. No real money moves here.</p></body></html>
`.markup;
}

/** The page where a customer pays; `notice` says what came of the last attempt. */
export function payPage(stored: StoredSession, notice?: string): string {
  const { session, lineItems } = stored;
  const money = (amount: number): string => formatMoney(amount, session.currency ?? 'usd', localeOf(session.locale));
  const total = money(session.amount_total ?? 0);
  const body = html`<h1>Pay ${total}</h1>
${notice === undefined ? undefined : html`<p class="note" role="alert">${notice}</p>`}
<table><thead><tr><th scope="col">What</th><th scope="col" class="amount">Amount</th></tr></thead><tbody>
${lineItems.map(item => html`<tr><td>${item.description ?? ''}${item.quantity === 1 ? '' : ` × ${item.quantity ?? 1}`}</td><td class="amount">${money(item.amount_total)}</td></tr>`)}
<tr><th scope="row">Total</th><td class="amount"><strong>${total}</strong></td></tr></tbody></table>
${session.status === 'open' ? payForm(stored, total) : closedNote(stored)}`;
  return page(`Pay ${total}`, body);
}

function payForm({ session }: StoredSession, total: string): Html {
  const action = `/c/pay/${session.id}`;
  return html`<form method="post" action="${action}/pay">
<label>E-mail <input name="email" type="email" autocomplete="email" required value="${session.customer_email ?? 'guest@example.com'}"></label>
<label>Name on the card <input name="name" autocomplete="cc-name" value="Test Guest"></label>
<div class="actions">
<button class="main">Pay ${total}</button>
<button formaction="${action}/decline">Card is declined</button>
<button formaction="${action}/delay">Pay by bank debit (settles later)</button>
<button formaction="${action}/abandon" formnovalidate>Leave without paying</button>
</div></form>`;
}

function closedNote({ session }: StoredSession): Html {
  if (session.status === 'expired') {
    return html`<p class="note" role="status">This checkout session has expired. Nothing was charged.</p>`;
  }
  const back =
    session.success_url === null
      ? undefined
      : html`<p><a href="${returnUrl(session.success_url, session.id)}">Back to the shop</a></p>`;
  if (session.payment_status === 'paid') {
    return html`<p class="note" role="status">This checkout session has been paid.</p>${back}`;
  }
  const action = `/c/pay/${session.id}`;
  return html`<p class="note" role="status">A bank debit was chosen, and the money has not arrived.</p>
<form method="post" action="${action}/settle"><div class="actions">
<button class="main">The bank pays</button>
<button formaction="${action}/bounce">The bank refuses</button>
</div></form>${back}`;
}

/** Where the customer goes after paying: Stripe puts the session's id in the place of `{CHECKOUT_SESSION_ID}`. */
export function returnUrl(successUrl: string, sessionId: string): string {
  return successUrl.replaceAll(/\{CHECKOUT_SESSION_ID\}|%7BCHECKOUT_SESSION_ID%7D/gi, sessionId);
}

export function messagePage(title: string, message: string): string {
  return page(title, html`<h1>${title}</h1><p>${message}</p>`);
}

const shown = 50;

/** Sessions, payments and refunds, newest first. */
export function homePage({ state }: World): string {
  const when = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const newest = <T>(items: Record<string, T>): T[] => Object.values(items).reverse().slice(0, shown);
  const row = (id: Html, at: number, status: string, amount: string): Html =>
    html`<tr><td>${id}</td><td>${when(at)}</td><td>${status}</td><td class="amount">${amount}</td></tr>`;
  const sessions = newest(state.sessions).map(({ session }) =>
    row(
      html`<a href="/c/pay/${session.id}"><code>${session.id}</code></a>`,
      session.created,
      `${session.status ?? ''}, ${session.payment_status}`,
      formatMoney(session.amount_total ?? 0, session.currency ?? 'usd'),
    ),
  );
  const charges = newest(state.charges).map(charge =>
    row(
      html`<code>${charge.id}</code>`,
      charge.created,
      charge.disputed ? `${charge.status}, disputed` : charge.status,
      formatMoney(charge.amount, charge.currency),
    ),
  );
  const refunds = newest(state.refunds).map(refund =>
    row(
      html`<code>${refund.id}</code>`,
      refund.created,
      refund.status ?? '',
      formatMoney(refund.amount, refund.currency),
    ),
  );
  return page(
    'Stripe emulator',
    html`<h1>Stripe emulator</h1>${table('Checkout sessions', sessions)}${table('Payments', charges)}${table('Refunds', refunds)}`,
  );
}

function table(title: string, rows: Html[]): Html {
  if (rows.length === 0) return html`<h2>${title}</h2><p class="muted">None yet.</p>`;
  return html`<h2>${title}</h2><table><thead><tr><th scope="col">Id</th><th scope="col">Created (UTC)</th><th scope="col">Status</th><th scope="col" class="amount">Amount</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const localeOf = (locale: string | null): string => (locale === null || locale === 'auto' ? 'en-CA' : locale);
