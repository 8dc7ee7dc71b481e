/** Checkout: for visitors who are logged in; empties the cart and confirms the order. */
import { randomInt } from 'node:crypto'
import { Router } from 'express'
import { cartCents, cartCount } from './cart-contents.js'
import { flash, tokenField } from './forms.js'
import { html } from './html.js'
import { sendPage } from './layout.js'
import { price } from './products.js'

const ADDRESS_CHARACTERS_MAX = 200

export function checkoutRoutes() {
  const router = Router()
  router.get('/checkout', requireCart, showForm)
  router.post('/checkout', requireCart, order)
  router.get('/order', showOrder)
  return router
}

function requireCart(req, res, next) {
  if (cartCount(req.session) === 0) {
    flash(req, 'There is nothing to check out yet.', 'bad')
    return res.redirect(303, '/cart')
  }
  if (req.session.user === undefined) return res.redirect(303, '/login?next=/checkout')
  next()
}

function showForm(req, res) {
  sendPage(req, res, {
    title: 'Check out',
    body: html`<p>${cartCount(req.session)} pieces for ${price(cartCents(req.session))}, to be sent to ${req.session.user.name}.</p>
      <form method="post" action="/checkout" class="stack">
        ${tokenField(req)}
        <label for="address">Address of the theatre</label>
        <input id="address" name="address" required maxlength="${ADDRESS_CHARACTERS_MAX}" autocomplete="street-address">
        <button>Order</button>
      </form>
      <p class="hint">Nothing is sold here: no payment is asked for and nothing is sent.</p>`,
  })
}

function order(req, res) {
  const address = String(req.body.address ?? '')
    .trim()
    .slice(0, ADDRESS_CHARACTERS_MAX)
  if (address === '') {
    flash(req, 'Please tell us where to send it.', 'bad')
    return res.redirect(303, '/checkout')
  }
  req.session.order = {
    number: `PR-${randomInt(100_000, 1_000_000)}`,
    count: cartCount(req.session),
    cents: cartCents(req.session),
    address,
  }
  delete req.session.cart
  res.redirect(303, '/order')
}

function showOrder(req, res) {
  const { order } = req.session
  if (order === undefined) return res.redirect(303, '/cart')
  sendPage(req, res, {
    title: 'Thank you',
    body: html`<p>Order <strong>${order.number}</strong>: ${order.count} pieces for ${price(order.cents)}, to ${order.address}.</p>
      <p><a href="/">Back to the catalogue</a></p>`,
  })
}
