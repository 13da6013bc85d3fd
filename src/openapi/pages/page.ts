/** The frame of every page. What it may load, run and ask stands in its policy: itself, and the listener it came from. */
import { createHash } from 'node:crypto';
import { escapeHtml } from './html.ts';
import { script } from './script.ts';
import { style } from './style.ts';

export interface Page {
  readonly title: string;
  /** HTML. */
  readonly nav: string;
  /** HTML. */
  readonly main: string;
}

export const pageType = 'text/html; charset=utf-8';

export const pageHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src '${digestOf(style)}'`,
    `script-src '${digestOf(script)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

export function renderPage({ title, nav, main }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Contents">${nav}</nav>
<main>${main}</main>
<script>${script}</script>
</body>
</html>
`;
}

function digestOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
