import { createRequire } from 'node:module';
import path from 'node:path';
import { httpRoutes } from '@monde-sauvage/contracts';
import { checkReadiness, type Metrics, type ReadinessChecks } from '@monde-sauvage/service-kit';
import type { Express } from 'express';
import { custom, type ServedRoute } from '../route.ts';

/** `/livez`, `/readyz` and `/metrics`, as every service has them; the gateway serves them on its one port. */
export const operationsRoutes = (o: {
  checks: ReadinessChecks;
  metrics: Metrics;
  isDraining: () => boolean;
}): ServedRoute[] => [
  custom(httpRoutes.getLiveness, () => (_, res) => {
    res.json({ status: 'ok' });
  }),
  custom(httpRoutes.getReadiness, () => async (_, res) => {
    const state = o.isDraining()
      ? { ready: false, checks: { draining: 'shutting down' } }
      : await checkReadiness(o.checks);
    res.status(state.ready ? 200 : 503).json(state);
  }),
  custom(httpRoutes.getMetrics, () => async (_, res) => {
    res.set('content-type', o.metrics.registry.contentType).send(await o.metrics.registry.metrics());
  }),
];

/** Scripts and styles from here only; requests also to the public address, which "Try it out" calls. */
const docsPolicy = (publicUrl: string) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${new URL(publicUrl).origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Monde Sauvage API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="docs"></main>
<noscript>This page needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
const docsScript = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });\n`;
const docsAssets = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** `/openapi.json`, and `/docs`: Swagger UI from this server alone, under a policy that allows no other. */
export const documentationRoutes = (o: { document: unknown; publicUrl: string }): ServedRoute[] => {
  const text = JSON.stringify(o.document);
  const policy = docsPolicy(o.publicUrl);
  return [
    custom(httpRoutes.getOpenApi, () => (_, res) => {
      res.type('application/json').set('cache-control', 'no-cache').send(text);
    }),
    custom(httpRoutes.getDocs, () => (_, res) => {
      res.set('content-security-policy', policy).type('html').send(docsPage);
    }),
  ];
};

/** The files that the page at `/docs` loads. */
export function serveDocsAssets(app: Express): void {
  const folder = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  for (const file of docsAssets) {
    app.get(`/docs/${file}`, (_, res) => res.sendFile(path.join(folder, file), { maxAge: '1h' }));
  }
  app.get('/docs/start.js', (_, res) => {
    res.type('text/javascript').send(docsScript);
  });
}
