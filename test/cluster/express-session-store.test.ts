/** What express-session documents, with `troupe/store` as its store: nothing of it differs. */
import t from 'tap'
import { TroupeStore } from '../../lib/store/index.js'
import listener from '../support/apps/session-calls.js'
import { startCluster } from '../support/cluster.js'
import { behaviours, type Options } from '../support/session-contract.js'
import { expressOptions } from '../support/session-options.js'
import { startReference } from '../support/session-reference.js'
import { visit } from '../support/visitor.js'

type Tap = Parameters<typeof visit>[0]

const apps: Record<Options, string> = { usual: 'session-calls-store', other: 'session-calls-store-other' }

/** Where an app may use the store. @returns the URL of one with these options */
const places: Record<string, (t: Tap, kind: Options) => Promise<string>> = {
  'in a cluster': async (t, kind) => (await startCluster(t, { app: apps[kind] })).url,
  'in any process': async (t, kind) => {
    const store = new TroupeStore()
    t.teardown(() => store.close())
    return (await startReference(t, listener, { ...expressOptions[kind], store })).url
  },
}

for (const [place, start] of Object.entries(places)) {
  for (const kind of ['usual', 'other'] as const) {
    t.test(`express-session with ${kind} options over troupe/store, ${place}`, async t => {
      const url = await start(t, kind)
      for (const { name, run, expected, options } of behaviours) {
        if (options !== kind) continue
        t.test(name, async t => {
          t.same(await run({ visit: () => visit(t, url) }), expected)
        })
      }
    })
  }
}
