/** What every app of the bench does with a session, whoever keeps it. */

/** A session of the bench: about {@link SESSION_BYTES} of JSON text, or {@link BIG_BYTES} after `/big`. */
export interface Visits {
  count?: number
  profile?: object
  items?: readonly object[]
}

/** One session as JSON text, about, bytes. */
export const SESSION_BYTES = 300
/** One big session as JSON text, about, bytes. */
export const BIG_BYTES = 20_000

const PROFILE = {
  user: { id: 184_223, name: 'Ada Lovelace', mail: 'ada@example.org', roles: ['customer', 'reviewer'] },
  locale: 'en-GB',
  theme: 'dark',
  csrf: 'q1Zb8fJ2yQ0n4W7mT5rV9xL3cA6kD1hS',
  cart: [
    { sku: 'TR-10024', count: 2 },
    { sku: 'TR-20417', count: 1 },
  ],
  seen: ['/books', '/books/sagas'],
}
const ITEMS = Array.from({ length: 200 }, (_, index) => ({
  sku: `TR-${10_000 + index}`,
  name: `A thing of the shop, and it is number ${index} of them`,
  price: 990 + index,
}))

/** @returns the answer: which visit this is */
export function countVisit(session: Visits): string {
  session.profile ??= PROFILE
  session.count = (session.count ?? 0) + 1
  return String(session.count)
}

/** As {@link countVisit}, with much else in the session. */
export function countBigVisit(session: Visits): string {
  session.items ??= ITEMS
  return countVisit(session)
}

/** @returns the answer: how many visits there were */
export function readVisits(session: Visits): string {
  return String(session.count ?? 0)
}
