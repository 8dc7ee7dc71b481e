/** The frame of every page. */
import { cartCount } from './cart-contents.js'
import { formButton, takeFlashes } from './forms.js'
import { html } from './html.js'

/**
 * Renders a page and ends the response. The session's pending messages are shown, and thereby used up.
 * @param {{ title: string, body: object, current?: string, head?: object }} page `current` is the path of its menu entry
 */
export function sendPage(req, res, { title, body, current, head }) {
  const flashes = takeFlashes(req)
  res
    .set('cache-control', 'no-store')
    .type('html')
    .send(
      html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title} – Prop Room</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/style.css">
    ${head}
  </head>
  <body>
    <a class="skip" href="#main">Skip to content</a>
    <header>
      <a class="brand" href="/">Prop Room</a>
      <nav aria-label="Main">${menu(req, current)}</nav>
    </header>
    <main id="main">
      <h1>${title}</h1>
      ${flashes.map(({ kind, text }) => html`<p class="flash ${kind}" role="status">${text}</p>`)}
      ${body}
    </main>
    <footer>An example of <strong>Troupe</strong>: <a href="/cluster">see which web server you talk to, and crash it</a>.</footer>
  </body>
</html>
`.toString(),
    )
}

function menu(req, current) {
  const { user } = req.session
  return [
    menuLink('/', 'Catalogue', current),
    menuLink('/cart', `Cart (${cartCount(req.session)})`, current),
    menuLink('/cluster', 'Cluster', current),
    user === undefined
      ? menuLink('/login', 'Log in', current)
      : html`<span class="user">${user.name}</span> ${formButton(req, { action: '/logout', label: 'Log out', look: 'plain' })}`,
  ]
}

function menuLink(href, text, current) {
  return html`<a href="${href}"${href === current && html` aria-current="page"`}>${text}</a> `
}
