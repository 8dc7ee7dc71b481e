/** What express-session documents, of express-session itself and of req.session: equal, or different for a reason. */
import { readFile } from 'node:fs/promises'
import session from 'express-session'
import t from 'tap'
import listener from '../support/apps/session-calls.js'
import { startCluster } from '../support/cluster.js'
import {
  type AppWithSessions,
  behaviours,
  NAME,
  OLD_SECRET,
  OTHER,
  SECRET,
} from '../support/session-contract.js'
import { expressOptions } from '../support/session-options.js'
import { startReference } from '../support/session-reference.js'
import { visit } from '../support/visitor.js'

const ROOT = new URL('../../../', import.meta.url)
for (const kind of ['usual', 'other'] as const) {
  t.test(`express-session with ${kind} options, and req.session`, async t => {
    const of = behaviours.filter(behaviour => behaviour.options === kind)
    const reference = await startReference(t, listener, expressOptions[kind])
    const { url } = await startCluster(t, {
      app: 'session-calls',
      session: kind === 'usual' ? { name: NAME, secret: SECRET } : { name: NAME, ...OTHER },
    })
    for (const { name, run, expected, troupe } of of) {
      t.test(name, async t => {
        const app = (base: string): AppWithSessions => ({ visit: () => visit(t, base) })
        const [theirs, ours] = await Promise.all([run(app(reference.url)), run(app(url))])
        t.same(theirs, expected, 'express-session')
        t.same(ours, troupe === undefined ? theirs : troupe.expected, troupe?.why ?? 'req.session')
        if (troupe !== undefined) t.notSame(ours, theirs, 'it does differ')
      })
    }
  })
}

t.test('cookies of express-session and of Troupe are of one format', async t => {
  const { url } = await startCluster(t, {
    app: 'session-calls',
    session: { name: NAME, secret: [SECRET, OLD_SECRET] },
  })
  const visitor = visit(t, url)
  await visitor.get('/count')
  const id = JSON.parse((await visitor.get('/id')).text) as string
  const store = new session.MemoryStore()

  for (const secret of [SECRET, OLD_SECRET]) {
    const reference = await startReference(t, listener, {
      name: NAME,
      secret,
      resave: false,
      saveUninitialized: false,
      genid: () => id,
      store,
    })
    const user = visit(t, reference.url)
    await user.get('/count')
    const migrated = visit(t, url)
    migrated.cookies.set(NAME, user.cookies.get(NAME) ?? '')
    t.equal(
      (await migrated.get('/id')).text,
      JSON.stringify(id),
      'a cookie that express-session made finds its session',
    )
    t.equal((await migrated.get('/read')).text, '1')
  }

  const reference = await startReference(t, listener, { ...expressOptions.usual, store })
  const back = visit(t, reference.url)
  back.cookies.set(NAME, visitor.cookies.get(NAME) ?? '')
  t.equal((await back.get('/id')).text, JSON.stringify(id), 'and the other way round')
  t.equal((await back.get('/count')).text, '2')
  t.equal(back.cookies.get(NAME), visitor.cookies.get(NAME), 'it sees no reason to set another')
})

t.test('docs/express-session.md tells every difference', async t => {
  const page = (await readFile(new URL('docs/express-session.md', ROOT), 'utf8')).replaceAll(/\s+/g, ' ')
  for (const { name, troupe } of behaviours) {
    if (troupe !== undefined) t.ok(page.includes(troupe.why), `${name}: ${troupe.why}`)
  }
})
