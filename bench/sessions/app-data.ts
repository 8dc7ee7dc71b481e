/** What a visitor of the benches of many sessions has in the session. */

/** A session as JSON text, bytes. */
export const SESSION_BYTES = 300

/** @param number from 1,000,000 to 8,999,999 @returns a session of {@link SESSION_BYTES}; `visits` keeps its width */
export function sessionOf(number: number) {
  const article = (nth: number) => ({ article: `A-${number + nth}`, quantity: nth, price: 1_995 + nth })
  const session = {
    visits: 1_001,
    visitor: { number, name: `Visitor ${number}`, roles: ['customer', 'newsletter'] },
    cart: [article(1), article(2)],
    note: '',
  }
  return { ...session, note: 'n'.repeat(SESSION_BYTES - JSON.stringify(session).length) }
}
