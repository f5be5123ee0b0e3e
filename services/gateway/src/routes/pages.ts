import { calendarRequests, httpRoutes } from '@monde-sauvage/contracts';
import { UnavailableError } from '@monde-sauvage/messaging';
import type { RequestHandler } from 'express';
import { escapeHtml, type Language, languageOf, sendPage } from '../page.ts';
import { askFor, custom, type ServedRoute } from '../route.ts';

interface Words {
  title: string;
  body: string;
}

const paragraphs = (...texts: string[]) => texts.map(text => `<p>${text}</p>`).join('\n');

const connected: Record<Language, Words> = {
  fr: {
    title: 'Google Agenda est connecté',
    body: paragraphs(
      'Choisissez maintenant le calendrier de chaque chalet dans votre tableau de bord. Les réservations y apparaîtront.',
      'Vous pouvez fermer cette page.',
    ),
  },
  en: {
    title: 'Google Calendar is connected',
    body: paragraphs(
      'Now choose a calendar for each chalet in your dashboard. Bookings will appear there.',
      'You may close this page.',
    ),
  },
};

/** Why nothing was connected, by what of OAuth it is about. */
const reasonsInFrench: Partial<Record<string, string>> = {
  query: 'L’adresse n’est pas complète : elle ne vient pas d’une connexion commencée ici.',
  state: 'Ce lien a déjà servi, ou il est trop ancien.',
  error: 'L’accès n’a pas été accordé dans Google. Rien n’a été connecté.',
  code: 'Google n’a pas accepté la connexion. Rien n’a été connecté.',
  scope: 'Les autorisations n’ont pas toutes été cochées dans Google. Laissez-les toutes cochées.',
  refresh_token: 'Google n’a pas donné d’accès durable à ce compte. Rien n’a été connecté.',
};

const notConnected = (language: Language, reason: string, about: string | undefined): Words => {
  const inFrench = language === 'fr' && about !== undefined ? reasonsInFrench[about] : undefined;
  const because = inFrench ? `<strong>${inFrench}</strong>` : `<strong lang="en">${escapeHtml(reason)}</strong>`;
  return language === 'fr'
    ? {
        title: 'Google Agenda n’est pas connecté',
        body: paragraphs(because, 'Vos réservations ne sont pas touchées. Recommencez depuis votre tableau de bord.'),
      }
    : {
        title: 'Google Calendar is not connected',
        body: paragraphs(because, 'Your bookings are not affected. Start again from your dashboard.'),
      };
};

const unavailable: Record<Language, Words> = {
  fr: {
    title: 'Un instant',
    body: paragraphs('Le service des calendriers ne répond pas. Recommencez la connexion dans quelques minutes.'),
  },
  en: {
    title: 'One moment',
    body: paragraphs('The calendar service does not answer. Start the connection again in a few minutes.'),
  },
};

/** Where the browser comes back from Google's consent page. */
export const googleCallbackRoute: ServedRoute = custom(
  httpRoutes.completeGoogleConnection,
  gateway => async (req, res) => {
    const language = languageOf(req);
    const refuse = (reason: string, about?: string) =>
      sendPage(res, { status: 400, language, ...notConnected(language, reason, about) });
    const query = httpRoutes.completeGoogleConnection.query.safeParse(req.query);
    if (!query.success)
      return refuse('The address is not complete: it does not come from a connection started here.', 'query');
    const { state, code, error } = query.data;
    try {
      const result = await askFor(gateway, res)(calendarRequests.completeConnection, {
        state,
        ...(code === undefined ? {} : { code }),
        ...(error === undefined ? {} : { error }),
      });
      if (!result.ok) return refuse(result.refusal.message, result.refusal.errors?.[0]?.path);
      sendPage(res, { language, ...connected[language] });
    } catch (failure) {
      if (!(failure instanceof UnavailableError)) throw failure;
      res.setHeader('retry-after', String(failure.retryAfterSeconds));
      sendPage(res, { status: 503, language, ...unavailable[language] });
    }
  },
);

const checkoutPages: Record<'success' | 'cancelled', Record<Language, Words>> = {
  success: {
    fr: {
      title: 'Merci !',
      body: paragraphs('Stripe a reçu votre paiement. Votre réservation sera confirmée dans un instant.'),
    },
    en: {
      title: 'Thank you!',
      body: paragraphs('Stripe has received your payment. Your booking will be confirmed in a moment.'),
    },
  },
  cancelled: {
    fr: {
      title: 'Le paiement n’est pas terminé',
      body: paragraphs('Rien n’a été débité. Vos nuits restent retenues un moment : vous pouvez payer de nouveau.'),
    },
    en: {
      title: 'The payment is not complete',
      body: paragraphs('Nothing was charged. Your nights stay held for a while: you can try to pay again.'),
    },
  },
};

const home: Record<Language, Words> = {
  fr: {
    title: 'Monde Sauvage',
    body: paragraphs(
      'La plateforme de réservation de chalets. Ceci est son interface de programmation.',
      '<a href="/docs">Documentation</a> · <a href="/openapi.json">OpenAPI 3.1</a>',
    ),
  },
  en: {
    title: 'Monde Sauvage',
    body: paragraphs(
      'The booking platform for holiday chalets. This is its programming interface.',
      '<a href="/docs">Documentation</a> · <a href="/openapi.json">OpenAPI 3.1</a>',
    ),
  },
};

const page =
  (words: Record<Language, Words>): RequestHandler =>
  (req, res) => {
    const language = languageOf(req);
    sendPage(res, { language, ...words[language] });
  };

/** Pages that are no part of the programming interface: by path. */
export const pages: Record<string, RequestHandler> = {
  '/': page(home),
  '/checkout/success': page(checkoutPages.success),
  '/checkout/cancelled': page(checkoutPages.cancelled),
};
