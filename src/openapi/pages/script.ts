/**
 * What the pages do by themselves: send what stands in a form to where the page came from, and show what comes back. The
 * key stays in the page's memory and is gone with it.
 */
export const script = `'use strict';
let key = '';
const shownMax = 262144;

function start() {
  const field = document.querySelector('#key');
  if (field !== null) {
    field.value = key;
    field.addEventListener('input', () => { key = field.value.trim(); });
  }
  for (const form of document.querySelectorAll('form')) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const act = form.id === 'open' ? open(form) : send(form);
      act.catch((error) => { form.querySelector('output').textContent = String(error); });
    });
  }
}

async function open(form) {
  key = form.elements.token.value.trim();
  const answer = await window.fetch(location.pathname, { headers: { authorization: 'Bearer ' + key, accept: 'text/html' } });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  document.title = page.title;
  document.body.replaceWith(page.body);
  start();
  if (!answer.ok) document.querySelector('output').textContent = 'That is not the token, nor a key of a suitable role.';
}

async function send(form) {
  const { method } = form.dataset;
  const query = new URLSearchParams();
  const headers = {};
  let path = form.dataset.path;
  let body;
  for (const field of form.elements) {
    const { name, value } = field;
    if (name === '' || value === '') continue;
    const place = field.dataset.in;
    if (place === 'path') path = path.replace('{' + name + '}', encodeURIComponent(value));
    else if (place === 'query') query.append(name, value);
    else if (place === 'header') headers[name] = value;
    else body = value;
  }
  if (body !== undefined) headers['content-type'] = form.dataset.type;
  if (key !== '') headers.authorization = 'Bearer ' + key;
  else if (form.dataset.session !== undefined && method !== 'GET') headers['x-millrace-csrf'] = await csrf(form);
  const text = query.toString();
  const answer = await window.fetch(path + (text === '' ? '' : '?' + text), { method, headers, body, redirect: 'manual' });
  await show(answer, form.querySelector('output'));
}

async function csrf(form) {
  const answer = await window.fetch(form.dataset.session);
  const session = answer.ok ? await answer.json() : {};
  return session.csrf ?? '';
}

async function show(answer, output) {
  const heads = [...answer.headers].map(([name, value]) => name + ': ' + value).join('\\n');
  output.textContent = answer.status + ' ' + answer.statusText + '\\n' + heads + '\\n\\n';
  if (answer.body === null) return;
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    output.textContent += decoder.decode(value, { stream: true });
    if (output.textContent.length > shownMax) {
      output.textContent += '\\n… and more';
      await reader.cancel();
      return;
    }
  }
}

start();
`;
