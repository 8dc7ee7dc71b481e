/** The cart: look, add, change, remove. Every change is a POST that ends in a redirect. */
import { Router } from 'express'
import { cartCents, cartLines, QUANTITY_MAX, setQuantity } from './cart-contents.js'
import { flash, formButton, tokenField } from './forms.js'
import { html } from './html.js'
import { sendPage } from './layout.js'
import { drawing, price, productById } from './products.js'

export function cartRoutes() {
  const router = Router()
  router.get('/cart', showCart)
  router.post('/cart/add', add)
  router.post('/cart/change', change)
  router.post('/cart/remove', remove)
  return router
}

function showCart(req, res) {
  const lines = cartLines(req.session)
  sendPage(req, res, {
    title: 'Cart',
    current: '/cart',
    body:
      lines.length === 0
        ? html`<p>Nothing in it yet. <a href="/">Have a look around</a></p>`
        : cartTable(req, lines),
  })
}

function cartTable(req, lines) {
  return html`<div class="scroll"><table>
    <caption>What you have chosen</caption>
    <thead><tr><th scope="col">Product</th><th scope="col">Quantity</th><th scope="col" class="number">Price</th><th scope="col"><span class="hidden">Remove</span></th></tr></thead>
    <tbody>${lines.map(line => cartRow(req, line))}</tbody>
    <tfoot><tr><th scope="row" colspan="2">Total</th><td class="number">${price(cartCents(req.session))}</td><td></td></tr></tfoot>
  </table></div>
  <p><a class="button" href="/checkout">Check out</a></p>`
}

function cartRow(req, { product, quantity, cents }) {
  return html`<tr>
    <th scope="row"><a class="thumb" href="/products/${product.id}">${drawing(product)} ${product.name}</a></th>
    <td>
      <form method="post" action="/cart/change" class="inline">
        ${tokenField(req)}
        <input type="hidden" name="id" value="${product.id}">
        <input type="number" name="quantity" value="${quantity}" min="0" max="${QUANTITY_MAX}" required aria-label="Quantity of ${product.name}">
        <button class="plain">Change</button>
      </form>
    </td>
    <td class="number">${price(cents)}</td>
    <td>${formButton(req, { action: '/cart/remove', label: 'Remove', fields: { id: product.id }, look: 'plain' })}</td>
  </tr>`
}

function add(req, res) {
  const product = chosen(req)
  const before = req.session.cart?.[product.id] ?? 0
  const after = setQuantity(req.session, product.id, before + 1)
  if (after > before) flash(req, `${product.name} is in your cart.`)
  else flash(req, `${QUANTITY_MAX} is the most that we sell of one thing.`, 'bad')
  res.redirect(303, '/cart')
}

function change(req, res) {
  const product = chosen(req)
  const quantity = Number(req.body.quantity)
  if (!Number.isInteger(quantity) || quantity < 0 || quantity > QUANTITY_MAX) {
    flash(req, `Please choose a quantity from 0 to ${QUANTITY_MAX}.`, 'bad')
  } else {
    setQuantity(req.session, product.id, quantity)
    flash(req, quantity === 0 ? `${product.name} was removed.` : `${product.name}: ${quantity} in your cart.`)
  }
  res.redirect(303, '/cart')
}

function remove(req, res) {
  const product = chosen(req)
  setQuantity(req.session, product.id, 0)
  flash(req, `${product.name} was removed.`)
  res.redirect(303, '/cart')
}

function chosen(req) {
  const product = productById(String(req.body.id ?? ''))
  if (product === undefined) throw Object.assign(new Error('We do not sell such a thing.'), { status: 404 })
  return product
}
