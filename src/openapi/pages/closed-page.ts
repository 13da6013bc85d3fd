/** What a browser gets in place of a page that it may not see yet: how to come to see it. */
import { renderPage } from './page.ts';

export function renderClosed(): string {
  return renderPage({
    title: 'Millrace: the admin API',
    nav: '<p>Not signed in</p>',
    main: `<h1>This page needs the admin token</h1>
<p>Or a key of a suitable role. The token is kept in the data folder; what is typed here stays in this page and is gone with it.</p>
<form id="open"><label>Token <input name="token" type="password" autocomplete="off" required></label><button>Open</button><output aria-live="polite"></output></form>
<p>Where people sign in by an issuer: <a href="/admin/sign-in">sign in</a>, and come back here.</p>
<p>From a shell: <code>curl -H "Authorization: Bearer $MILLRACE_KEY" "$MILLRACE_URL/openapi.json"</code></p>`,
  });
}
