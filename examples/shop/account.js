/** Login and logout. Any name will do. */
import { Router } from 'express'
import { flash, tokenField } from './forms.js'
import { html } from './html.js'
import { sendPage } from './layout.js'

const NAME_CHARACTERS_MAX = 40
/** Where a login may lead to: never to an address that a link made up. */
const NEXT_PAGES = ['/', '/checkout']

export function accountRoutes() {
  const router = Router()
  router.get('/login', showLogin)
  router.post('/login', logIn)
  router.post('/logout', logOut)
  return router
}

function showLogin(req, res) {
  sendPage(req, res, {
    title: 'Log in',
    current: '/login',
    body: html`<form method="post" action="/login" class="stack">
      ${tokenField(req)}
      <input type="hidden" name="next" value="${nextPage(req.query.next)}">
      <label for="name">Your name</label>
      <input id="name" name="name" required maxlength="${NAME_CHARACTERS_MAX}" autocomplete="nickname">
      <button>Log in</button>
    </form>
    <p class="hint">Any name will do: this is an example.</p>`,
  })
}

/** A new session id at each login, so that one planted before it is worth nothing; the cart comes along. */
async function logIn(req, res) {
  const name = String(req.body.name ?? '')
    .trim()
    .slice(0, NAME_CHARACTERS_MAX)
  if (name === '') {
    flash(req, 'Please tell us your name.', 'bad')
    return res.redirect(303, '/login')
  }
  const { cart } = req.session
  await req.session.regenerate()
  if (cart !== undefined) req.session.cart = cart
  req.session.user = { name }
  flash(req, `Welcome, ${name}.`)
  res.redirect(303, nextPage(req.body.next))
}

async function logOut(req, res) {
  await req.session.destroy()
  res.redirect(303, '/')
}

function nextPage(wanted) {
  return NEXT_PAGES.find(page => page === wanted) ?? '/'
}
