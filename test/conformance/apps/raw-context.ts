/** AsyncLocalStorage and what runs after a response. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { note } from './journal.js'
import type { RawRoute } from './raw-routes.js'

const storage = new AsyncLocalStorage<string>()

export const contextRoutes: Readonly<Record<string, RawRoute>> = {
  '/context/run': (req, res, key) =>
    storage.run(key, async () => {
      const seen: unknown[] = [storage.getStore()]
      await wait(1)
      seen.push(storage.getStore())
      const ended = new Promise(resolve => req.on('end', AsyncLocalStorage.bind(resolve)))
      req.on('data', () => seen.push(`data ${storage.getStore()}`))
      await ended
      seen.push(storage.getStore())
      res.on('finish', () => note(key, `finish ${storage.getStore()}`))
      res.on('close', () => note(key, `close ${storage.getStore()}`))
      res.end(JSON.stringify(seen))
    }),
  /** What one request enters, no other request sees. */
  '/context/enter': (_req, res, key) => {
    const before = storage.getStore() ?? 'none'
    storage.enterWith(key)
    res.end(before)
  },
  '/context/after': (_req, res, key) =>
    storage.run(key, () => {
      res.end('answered')
      setTimeout(() => note(key, `a timer in ${storage.getStore()}`), 10)
      setImmediate(() => note(key, `an immediate in ${storage.getStore()}`))
      queueMicrotask(() => note(key, `a microtask in ${storage.getStore()}`))
    }),
}
