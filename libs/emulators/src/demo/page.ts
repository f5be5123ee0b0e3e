import { html } from '../shared/html.ts';
import type { Demo } from './seed.ts';

/** One page that says where everything of the demo is. */
export const demoPage = (demo: Demo): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Monde Sauvage: demo</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}dt{font-weight:600}dd{margin:0 0 .75rem}code{overflow-wrap:anywhere}</style>
</head>
<body>
<h1>Monde Sauvage: demo</h1>
<dl>
<dt>API</dt><dd><a href="${demo.gatewayUrl}/docs">${demo.gatewayUrl}</a></dd>
<dt>The owner’s calendars (stand-in for Google)</dt><dd><a href="${demo.googleUrl}">${demo.googleUrl}</a></dd>
<dt>Payments (stand-in for Stripe)</dt><dd><a href="${demo.stripeUrl}">${demo.stripeUrl}</a></dd>
<dt>Establishment</dt><dd><code>${demo.establishmentId}</code></dd>
<dt>Owner key</dt><dd><code>${demo.ownerKey}</code></dd>
${demo.chalets.map(chalet => html`<dt>${chalet.name}</dt><dd><code>${chalet.id}</code></dd>\n`)}</dl>
<p><code>npm run demo</code> plays the five scenarios here.</p>
</body>
</html>
`.markup;
