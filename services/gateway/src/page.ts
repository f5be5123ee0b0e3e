import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

const product = 'Monde Sauvage';

const style = `
:root { color-scheme: light dark; --ink: #1d2b24; --paper: #f6f4ee; --accent: #2f6b4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebe6; --paper: #16201b; --accent: #8fd0b0; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.125rem/1.6 system-ui, sans-serif; }
main { max-width: 38rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { line-height: 1.2; color: var(--accent); }
a { color: var(--accent); }
`;
const styleHash = createHash('sha256').update(style).digest('base64');
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export type Language = 'fr' | 'en';

/** French or English, by the browser's `Accept-Language`; French first. */
export const languageOf = (req: Request): Language => (req.acceptsLanguages('fr', 'en') === 'en' ? 'en' : 'fr');

export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

/** A small page for people: no scripts, and nothing loaded from anywhere. `body` is trusted HTML. */
export function sendPage(res: Response, o: { status?: number; language: Language; title: string; body: string }): void {
  const html = `<!doctype html>
<html lang="${o.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(o.title === product ? product : `${o.title} · ${product}`)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(o.title)}</h1>
${o.body}
</main>
</body>
</html>
`;
  res.setHeader('content-security-policy', policy);
  res.setHeader('cache-control', 'no-store');
  res.setHeader('vary', 'Accept-Language');
  res
    .status(o.status ?? 200)
    .type('html')
    .send(html);
}
