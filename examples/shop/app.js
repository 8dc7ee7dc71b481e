/**
 * A small shop on Express 5. Everything that it knows of a visitor is in `req.session`; nothing in it knows that it
 * runs on several web servers that may die at any time.
 */
import express from 'express'
import { accountRoutes } from './account.js'
import { cartRoutes } from './cart.js'
import { catalogueRoutes } from './catalogue.js'
import { checkoutRoutes } from './checkout.js'
import { clusterRoutes } from './cluster.js'
import { requireToken } from './forms.js'
import { html } from './html.js'
import { sendPage } from './layout.js'
import { styles } from './styles.js'

/**
 * Called once by each web server.
 * @param {{ name: string, adminUrl: string | null }} context who runs the app, and where the cluster can be asked
 * @returns {import('express').Express}
 */
export function create(context) {
  const app = express()
  app.disable('x-powered-by')
  app.use(secureHeaders)
  app.use(styles())
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.use(requireToken)
  app.use(catalogueRoutes())
  app.use(cartRoutes())
  app.use(checkoutRoutes())
  app.use(accountRoutes())
  app.use(clusterRoutes(context))
  app.use(notFound)
  app.use(failed)
  return app
}

/** Every page is made of this server's own HTML and CSS, and of nothing else. */
function secureHeaders(_req, res, next) {
  res.set({
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  })
  next()
}

function notFound(req, res) {
  res.status(404)
  sendPage(req, res, {
    title: 'Not found',
    body: html`<p>There is nothing at this address. <a href="/">Back to the catalogue</a></p>`,
  })
}

/** Errors of the visitor's (a body too large, a stale form) say what they are; those of ours only that they are. */
function failed(error, req, res, next) {
  if (res.headersSent) return next(error)
  const status = error.status >= 400 && error.status < 500 ? error.status : 500
  if (status === 500) console.error(error)
  res.status(status)
  sendPage(req, res, {
    title: status === 500 ? 'Something went wrong' : 'That did not work',
    body: html`<p>${status === 500 ? 'It is not your fault. Please try again.' : error.message}</p>
      <p><a href="/">Back to the catalogue</a></p>`,
  })
}
