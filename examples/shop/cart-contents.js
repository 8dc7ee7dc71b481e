/** The cart of a session: `session.cart` maps product ids to quantities. */
import { productById } from './products.js'

/** Enough for a whole ensemble. */
export const QUANTITY_MAX = 20

/** @returns the lines of a cart, in the order in which they were added. */
export function cartLines({ cart = {} }) {
  return Object.entries(cart).flatMap(([id, quantity]) => {
    const product = productById(id)
    return product === undefined ? [] : [{ product, quantity, cents: product.cents * quantity }]
  })
}

/** @returns how many pieces there are. */
export function cartCount(session) {
  return cartLines(session).reduce((sum, { quantity }) => sum + quantity, 0)
}

/** @returns what they cost, in cents. */
export function cartCents(session) {
  return cartLines(session).reduce((sum, { cents }) => sum + cents, 0)
}

/** Sets how many of a product are in the cart; 0 removes it. @returns the quantity after bounds. */
export function setQuantity(session, id, quantity) {
  const bounded = Math.min(QUANTITY_MAX, Math.max(0, quantity))
  const { [id]: _, ...others } = session.cart ?? {}
  session.cart = bounded === 0 ? others : { ...session.cart, [id]: bounded }
  return bounded
}
