/** The catalogue and its products. */
import { Router } from 'express'
import { formButton } from './forms.js'
import { html } from './html.js'
import { sendPage } from './layout.js'
import { drawing, PRODUCTS, price, productById } from './products.js'

export function catalogueRoutes() {
  const router = Router()
  router.get('/', showCatalogue)
  router.get('/products/:id', showProduct)
  return router
}

function showCatalogue(req, res) {
  sendPage(req, res, {
    title: 'Everything for the stage',
    current: '/',
    body: html`<ul class="cards">${PRODUCTS.map(product => card(req, product))}</ul>`,
  })
}

function card(req, product) {
  return html`<li class="card">
    <a href="/products/${product.id}">${drawing(product)}<h2>${product.name}</h2></a>
    <p class="price">${price(product.cents)}</p>
    ${addButton(req, product)}
  </li>`
}

function showProduct(req, res, next) {
  const product = productById(req.params.id)
  if (product === undefined) return next()
  sendPage(req, res, {
    title: product.name,
    body: html`<div class="product">
      ${drawing(product)}
      <div>
        <p>${product.about}</p>
        <p class="price">${price(product.cents)}</p>
        ${addButton(req, product)}
      </div>
    </div>`,
  })
}

function addButton(req, { id, name }) {
  return formButton(req, {
    action: '/cart/add',
    label: html`Add<span class="hidden"> ${name}</span> to cart`,
    fields: { id },
  })
}
