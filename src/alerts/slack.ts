/** An incoming webhook of Slack; Mattermost, Discord (`/slack`) and others take the same. */
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Dialer } from '../net/dialer.ts';
import type { Way } from './alert.ts';
import { sendPost } from './http-attempt.ts';
import { headlineOf, linesOf } from './notice-text.ts';

const textCharsMax = 30_000;

export function createSlack(url: Secret, context: { dialer: Dialer; clock: Clock }): Way {
  return {
    name: `slack ${new URL(url.reveal()).host}`,
    send: (notice, signal) => {
      const text = escaped([`*${headlineOf(notice)}*`, ...linesOf(notice)].join('\n'));
      const body = JSON.stringify({ text: text.slice(0, textCharsMax).toWellFormed() });
      return sendPost({ url: url.reveal(), headers: {}, body, signal }, context);
    },
  };
}

/** Names of tenants may hold what Slack takes for a mention of everybody, or a link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
