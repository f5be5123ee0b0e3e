import type { HttpRoute } from '@monde-sauvage/contracts';
import type { Metrics, ReadinessChecks } from '@monde-sauvage/service-kit';
import express, { type Express } from 'express';
import { nameCall, setRoute } from './call.ts';
import { type GatewayConfig, publicUrl } from './config.ts';
import { allowBrowsers, limitRate, observe, secureHeaders } from './edge.ts';
import { createOpenApi } from './openapi.ts';
import { answerErrors, notFound, sendProblem } from './problems.ts';
import type { Gateway, ServedRoute } from './route.ts';
import { availabilityRoutes } from './routes/availability.ts';
import { bookingRoutes } from './routes/bookings.ts';
import { chaletRoutes } from './routes/chalets.ts';
import { establishmentRoutes } from './routes/establishments.ts';
import { googleRoutes } from './routes/google.ts';
import { documentationRoutes, operationsRoutes, serveDocsAssets } from './routes/operations.ts';
import { googleCallbackRoute, pages } from './routes/pages.ts';
import { paymentRoutes } from './routes/payments.ts';
import { webhookRoutes } from './routes/webhooks.ts';

const isSafe = (method: string) => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';

/** The HTTP application: what passes unlimited (operators, webhooks), then the limits, then everything else. */
export function createApp(o: {
  config: GatewayConfig;
  gateway: Gateway;
  metrics: Metrics;
  checks: ReadinessChecks;
  isDraining: () => boolean;
}): { app: Express; served: HttpRoute[] } {
  const { config, gateway, metrics } = o;
  const app = express();
  app.set('trust proxy', config.TRUST_PROXY);
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.enable('case sensitive routing');
  app.disable('x-powered-by');

  app.use(nameCall, secureHeaders());
  app.use((_, res, next) => {
    if (o.isDraining()) res.setHeader('connection', 'close');
    next();
  });
  const unlimited = operationsRoutes(o);
  mount(app, unlimited, gateway);

  app.use(observe({ logger: gateway.logger, metrics }));
  mount(app, webhookRoutes, gateway);

  app.use(allowBrowsers);
  app.use(limitRate({ name: 'requests', perMinute: config.RATE_LIMIT_PER_MINUTE, metrics }));
  app.use(limitRate({ name: 'writes', perMinute: config.RATE_LIMIT_BOOKINGS_PER_MINUTE, metrics, skip: isSafe }));
  app.use('/v1', (_, res, next) => {
    res.setHeader('cache-control', 'no-store');
    next();
  });
  const address = publicUrl(config);
  const limited = [
    ...establishmentRoutes,
    ...chaletRoutes,
    ...availabilityRoutes,
    ...bookingRoutes,
    ...paymentRoutes,
    ...googleRoutes,
    googleCallbackRoute,
    ...documentationRoutes({ document: createOpenApi({ publicUrl: address }), publicUrl: address }),
  ];
  mount(app, limited, gateway);
  serveDocsAssets(app);
  for (const [path, serve] of Object.entries(pages)) app.get(path, serve);

  app.use(notFound, answerErrors(gateway.logger));
  return { app, served: [...unlimited, ...webhookRoutes, ...limited].map(one => one.route) };
}

/** Serves routes, and answers their paths' other methods with 405. */
function mount(app: Express, routes: ServedRoute[], gateway: Gateway): void {
  const allowed = new Map<string, Set<string>>();
  for (const { route, serve } of routes) {
    const path = expressPath(route.path);
    const handler = serve(gateway);
    app[route.method](path, (req, res, next) => {
      setRoute(req, route.path);
      return handler(req, res, next);
    });
    const methods = allowed.get(path) ?? new Set();
    allowed.set(path, methods.add(route.method.toUpperCase()));
    if (route.method === 'get') methods.add('HEAD');
  }
  for (const [path, methods] of allowed) {
    const allow = [...methods].sort().join(', ');
    app.all(path, (_, res) => {
      res.setHeader('allow', allow);
      sendProblem(res, { code: 'method_not_allowed', detail: `Use ${allow}.` });
    });
  }
}

/** `/v1/bookings/{id}` → `/v1/bookings/:id`. */
const expressPath = (path: string) => path.replaceAll(/\{(\w+)\}/g, ':$1');
