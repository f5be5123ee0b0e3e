import { StripeFault } from './errors.ts';
import { parseForm } from './form.ts';
import { messagePage, payPage, returnUrl } from './pages.ts';
import { declineSession, type Payer, paySession, settlePayment } from './payments.ts';
import type { World } from './store.ts';

export interface PageAnswer {
  status: number;
  body: string;
  /** Where the browser is sent. */
  location?: string;
}

/**
 * `GET /c/pay/{session}` shows the page; `POST …/pay`, `/decline`, `/delay` and `/abandon` are its buttons, `/settle` and `/bounce` end a delayed payment. A session that is no
 * longer open answers 409 and says why.
 */
export function answerPayPage(world: World, o: { method: string; path: string; body: string }): PageAnswer {
  const [, , , id = '', action] = o.path.split('/');
  const stored = world.state.sessions[id];
  if (!stored) return { status: 404, body: messagePage('Not found', 'There is no such checkout session.') };
  if (o.method === 'GET' && action === undefined) return { status: 200, body: payPage(stored) };
  if (o.method !== 'POST')
    return { status: 405, body: messagePage('Not allowed', 'This page cannot be asked for in this way.') };

  const { session } = stored;
  const payer = payerOf(o.body);
  try {
    switch (action) {
      case 'pay':
      case 'delay':
        paySession(world, stored, action === 'pay' ? 'card' : 'delayed', payer);
        return redirect(returnUrl(session.success_url ?? `/c/pay/${id}`, id));
      case 'decline':
        declineSession(world, stored, payer);
        return {
          status: 402,
          body: payPage(stored, 'Your card was declined. Nothing was charged; please try another card.'),
        };
      case 'settle':
      case 'bounce':
        settlePayment(world, stored, action === 'settle' ? 'succeeded' : 'failed');
        return redirect(`/c/pay/${id}`);
      case 'abandon':
        return redirect(session.cancel_url ?? `/c/pay/${id}`);
      default:
        return { status: 404, body: messagePage('Not found', 'There is no such button.') };
    }
  } catch (error) {
    if (error instanceof StripeFault) return { status: 409, body: payPage(stored, error.message) };
    throw error;
  }
}

const redirect = (location: string): PageAnswer => ({ status: 303, body: '', location });

function payerOf(body: string): Payer {
  const { name, email } = parseForm(body);
  return {
    name: typeof name === 'string' && name !== '' ? name : null,
    email: typeof email === 'string' && email !== '' ? email : null,
  };
}
