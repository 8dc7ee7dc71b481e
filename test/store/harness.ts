/** Stores outside of Troupe for tests: closed when the test ends, quiet, and with what they log at hand. */
import { pino } from 'pino'
import type { Test } from 'tap'
import { TroupeStore, type TroupeStoreOptions } from '../../lib/store/index.js'
import type { LogLine } from '../support/cluster.js'

/** A store and what it logged. */
export interface TestStore {
  readonly store: TroupeStore
  readonly logged: readonly LogLine[]
}

export function makeStore(t: Pick<Test, 'teardown'>, options: TroupeStoreOptions = {}): TestStore {
  const logged: LogLine[] = []
  const log = pino({ level: 'info' }, { write: line => logged.push(JSON.parse(line)) })
  const store = new TroupeStore({ log, ...options })
  t.teardown(() => store.close())
  return { store, logged }
}

/** A session as express-session hands it over. @param maxAge of its cookie, ms; null for one that ends with the browser */
export function sessionOf(data: object, maxAge: number | null = null) {
  const expires = maxAge === null ? null : new Date(Date.now() + maxAge)
  return { cookie: { originalMaxAge: maxAge, expires, httpOnly: true, path: '/' }, ...data }
}
