/** The rule for requests of one session that run at the same time, as docs/sessions.md tells it. */
import t from 'tap'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { type Answer, openGate, stopAtGate, type Visitor, visit } from '../support/visitor.js'

const APP = 'session-races'
let gates = 0

async function tell(visitor: Visitor, path: string): Promise<unknown> {
  return JSON.parse((await visitor.get(path)).text)
}

/** @returns what an answer did to the browser's cookie */
function cookieOf({ headers }: Answer): 'none' | 'set' | 'cleared' {
  const line = [headers['set-cookie'] ?? []].flat()[0]
  if (line === undefined) return 'none'
  return /Expires=Thu, 01 Jan 1970/.test(line) ? 'cleared' : 'set'
}

/** A visitor with a session whose count is 1. */
async function settled(t: Tap, url: string): Promise<Visitor> {
  const visitor = visit(t, url)
  await visitor.get('/count')
  return visitor
}

type Tap = Parameters<typeof visit>[0]

/** One request that is stopped after `first`, and does `then` once it is let go. */
async function stopped(visitor: Visitor, first: string, then: string) {
  const gate = `gate ${gates++}`
  const { answer } = await stopAtGate(visitor.tab(), `/do?first=${first}&then=${then}`, gate)
  const keyholder = visitor.tab()
  return {
    goOn: async (): Promise<Answer> => {
      await openGate(keyholder, gate)
      return answer
    },
  }
}

t.test('requests of one session at the same time', async t => {
  const cluster = await startCluster(t, { app: APP })
  const { url } = cluster

  t.test('see what another has written, before that one has saved it', async t => {
    const visitor = await settled(t, url)
    const writer = await stopped(visitor, 'write', 'nothing')
    t.equal(await tell(visitor, '/do?then=read'), 1000)
    await cluster.lose('web-1', 'web-2')
    t.equal(
      await tell(visitor, '/do?then=read'),
      1000,
      'what one was shown is kept, whatever becomes of the other',
    )
    await writer.goOn().catch(() => {})
    await cluster.whole()
  })

  t.test('after save() the copies have the change, so a redirect that waits for it is safe', async t => {
    const visitor = await settled(t, url)
    const answer = await visitor.get('/save-then-redirect')
    t.match(answer, { status: 302, headers: { location: '/whoami' } })
    await cluster.lose('web-1', 'web-2')
    t.equal(await tell(visitor, '/whoami'), 'ada')
    await cluster.whole()
  })

  t.test('reload() drops what was not saved when nobody else uses the session', async t => {
    const visitor = await settled(t, url)
    t.equal(await tell(visitor, '/do?then=write,reload'), 1)
    t.equal(await tell(visitor, '/do?then=read'), 1)
  })

  t.test('reload() is refused while another uses the session and something is unsaved', async t => {
    const visitor = await settled(t, url)
    const other = await stopped(visitor, 'nothing', 'read')
    t.match(await visitor.get('/do?then=write,reload'), { status: 500, text: /^SESSION_IN_USE/ })
    t.equal((await other.goOn()).text, '1000', 'both share what was written')
    t.equal(await tell(visitor, '/do?then=read'), 1000)
  })

  t.test('the first that ends saves for all, and nothing is unsaved then', async t => {
    const visitor = await settled(t, url)
    const writer = await stopped(visitor, 'write', 'reload')
    t.equal(await tell(visitor, '/do?then=read'), 1000)
    t.match(await writer.goOn(), { status: 200, text: '1000' })
  })

  t.test('reload() with nothing unsaved is done, whoever uses the session', async t => {
    const visitor = await settled(t, url)
    const other = await stopped(visitor, 'read', 'read')
    t.match(await visitor.get('/do?then=reload'), { status: 200, text: '1' })
    t.match(
      await visitor.get('/do?then=rewrite,reload'),
      { status: 200, text: '1' },
      'the same value is no change',
    )
    t.equal((await other.goOn()).status, 200)
  })

  t.test('what one spoils fails those who have seen it, and nobody else', async t => {
    const visitor = await settled(t, url)
    const spoiler = await stopped(visitor, 'spoil', 'nothing')
    t.equal(
      (await visitor.get('/do?first=nothing')).status,
      200,
      'a request that does not look at the session',
    )
    t.match(await visitor.get('/do?then=read'), { status: 503, text: /^SESSION_REVERTED/ })
    t.match(await visitor.get('/do?then=read'), { status: 200, text: '1' }, 'it may be repeated')
    t.match(await spoiler.goOn(), { status: 503, text: /^SESSION_REVERTED/ })
    t.match(await visitor.get('/do?then=spoil'), { status: 500, text: /^SESSION_NOT_SERIALIZABLE/ })
  })

  t.test('req.session = null drops no change that another has made', async t => {
    const visitor = await settled(t, url)
    const other = await stopped(visitor, 'write', 'nothing')
    t.match(await visitor.get('/do?then=unset'), { status: 200 })
    t.equal((await other.goOn()).status, 200)
    t.equal(await tell(visitor, '/do?then=read'), 1000)
  })
})

/** What a request sees, and what its answer does to the cookie, when another has ended the session meanwhile. */
const AFTER_THE_END: Record<string, { status: number; text: string | RegExp; cookie: string }> = {
  nothing: { status: 200, text: 'null', cookie: 'none' },
  read: { status: 200, text: '1', cookie: 'none' },
  write: { status: 200, text: 'null', cookie: 'none' },
  save: { status: 200, text: 'null', cookie: 'none' },
  'write,read': { status: 200, text: '1000', cookie: 'none' },
  reload: { status: 500, text: /^SESSION_DESTROYED/, cookie: 'none' },
  unset: { status: 200, text: 'null', cookie: 'none' },
  destroy: { status: 200, text: 'null', cookie: 'cleared' },
  regenerate: { status: 200, text: '[]', cookie: 'cleared' },
  login: { status: 200, text: 'null', cookie: 'set' },
}

t.test('when one request ends the session while another runs', async t => {
  const cluster = await startCluster(t, { app: APP })
  for (const ending of ['destroy', 'login'] as const) {
    for (const [then, expected] of Object.entries(AFTER_THE_END)) {
      t.test(`${ending} in one, then ${then} in the other`, async t => {
        const visitor = await settled(t, cluster.url)
        const old = visitor.tab()
        const late = await stopped(visitor, 'read', then)
        t.equal((await visitor.get(`/do?then=${ending}`)).status, 200)
        const answer = await late.goOn()
        t.match({ status: answer.status, text: answer.text, cookie: cookieOf(answer) }, expected)
        t.equal(await tell(old.tab(), '/do?then=read'), null, 'the session has ended for good')
        t.equal(await tell(visitor, '/do?then=read'), null, 'and nothing of it is in a later one')
        t.equal(await tell(visitor, '/whoami'), ending === 'login' ? 'ada' : null)
      })
    }
  }

  t.test('what was ended is not in the copies either', async t => {
    const visitor = await settled(t, cluster.url)
    const late = await stopped(visitor, 'write', 'save')
    const old = visitor.tab()
    await visitor.get('/do?then=destroy')
    await late.goOn()
    await cluster.lose('web-1', 'web-2')
    t.equal(await tell(old, '/do?then=read'), null)
    await cluster.whole()
  })

  t.test('save() and destroy() at once are both done, and the session has ended', async t => {
    const visitor = await settled(t, cluster.url)
    const old = visitor.tab()
    const answer = await visitor.get('/do?then=save-and-destroy')
    t.same([answer.status, cookieOf(answer)], [200, 'cleared'])
    t.equal(await tell(old, '/do?then=read'), null)
  })

  t.test('regenerate() twice in one request leaves one session: the last', async t => {
    for (const [then, user] of [
      ['regenerate-twice', 'the second'],
      ['regenerate-at-once', 'the one'],
    ] as const) {
      const visitor = await settled(t, cluster.url)
      const { sessions: before } = await sessionsIn(cluster)
      t.match(await visitor.get(`/do?then=${then}`), { status: 200 })
      t.equal(await tell(visitor, '/whoami'), user)
      const { sessions: after } = await sessionsIn(cluster)
      t.equal(after, before, `${then}: one has ended, one has begun`)
    }
  })

  t.test('regenerate() in two requests at once gives each its own; the browser keeps the later', async t => {
    const visitor = await settled(t, cluster.url)
    const [one, two] = [await stopped(visitor, 'read', 'login'), await stopped(visitor, 'read', 'login')]
    const answers = [await one.goOn(), await two.goOn()]
    t.same(answers.map(cookieOf), ['set', 'set'])
    const ids = answers.map(({ headers }) => String(headers['set-cookie']).split(';')[0])
    t.not(ids[0], ids[1])
    t.equal(await tell(visitor, '/do?then=read'), null, 'what they came with has ended')
  })
})

t.test('a session that is used after its response has ended', async t => {
  const cluster = await startCluster(t, { app: APP })
  const after = async (visitor: Visitor, then: string, first = 'read') => {
    const gate = `gate ${gates++}`
    const answer = await visitor.get(`/later?first=${first}&then=${then}&gate=${gate}`)
    t.equal(answer.text, '"answered"')
    await openGate(visitor, gate)
    const keyholder = visitor.tab()
    await until(async () => (await tell(keyholder, `/outcome?gate=${gate}`)) !== null)
    return tell(keyholder, `/outcome?gate=${gate}`)
  }

  t.test('can be read, written and saved as long as it is in memory', async t => {
    for (const then of ['read', 'write', 'save', 'destroy', 'reload']) {
      const visitor = await settled(t, cluster.url)
      t.equal(await after(visitor, then), 'done', then)
      const expected = { read: 1, write: 1000, save: 1000, destroy: null, reload: 1 }[then]
      await until(async () => (await tell(visitor.tab(), '/do?then=read')) === expected)
      t.pass(`${then}: ${expected}`)
    }
  })

  t.test('can be let go of, which drops nothing that a running request has changed', async t => {
    const visitor = await settled(t, cluster.url)
    const other = await stopped(visitor, 'mark', 'nothing')
    t.equal(await after(visitor, 'unset', 'nothing'), 'done')
    t.equal((await other.goOn()).status, 200)
    t.equal(await tell(visitor, '/whoami'), 'marked')
  })

  t.test('cannot be regenerated: no answer is left to carry the new cookie', async t => {
    const visitor = await settled(t, cluster.url)
    t.equal(await after(visitor, 'regenerate'), 'SESSION_CLOSED')
    t.equal(await tell(visitor, '/do?then=read'), 1)
  })

  t.test('and is new cannot be saved, for the same reason', async t => {
    const gate = `gate ${gates++}`
    const visitor = visit(t, cluster.url)
    const { sessions: before } = await sessionsIn(cluster)
    const answer = await visitor.get(`/later?first=read&then=save&gate=${gate}`)
    t.equal(cookieOf(answer), 'none')
    // Which web server it was cannot be told from a cookie: everybody opens until somebody has.
    const strangers = Array.from({ length: 8 }, () => visit(t, cluster.url))
    const outcomes = async () => {
      await Promise.all(strangers.map(stranger => stranger.get(`/open?gate=${gate}`)))
      const told = await Promise.all(strangers.map(stranger => tell(stranger, `/outcome?gate=${gate}`)))
      return told.filter(outcome => outcome !== null)
    }
    await until(async () => (await outcomes()).length > 0)
    t.equal((await outcomes())[0], 'SESSION_CLOSED')
    t.equal((await sessionsIn(cluster)).sessions, before)
  })
})

t.test('two first requests of one visitor at the same time', async t => {
  const cluster = await startCluster(t, { app: APP })
  const { sessions: before } = await sessionsIn(cluster)

  const reader = visit(t, cluster.url)
  await Promise.all([
    reader.get('/count'),
    reader.tab().get('/do?then=read'),
    reader.tab().get('/do?then=nothing'),
  ])
  t.equal((await sessionsIn(cluster)).sessions, before + 1, 'only one that stores something makes a session')

  const [one, two] = [visit(t, cluster.url), visit(t, cluster.url)]
  const answers = await Promise.all([one.get('/count'), two.get('/count')])
  t.same(answers.map(cookieOf), ['set', 'set'], 'nothing tells that they are one visitor')
  t.equal((await sessionsIn(cluster)).sessions, before + 3)
  t.same(
    [await tell(one, '/do?then=read'), await tell(two, '/do?then=read')],
    [1, 1],
    'the browser keeps either',
  )
})

t.test('while no session server answers', async t => {
  const one = { app: APP, sessionServers: [{ name: 'a' }] }

  t.test('save() rejects in time, and the client is told', async t => {
    const cluster = await startCluster(t, { ...one, replication: { ackTimeout: '150ms' } })
    const visitor = await settled(t, cluster.url)
    const letGo = await cluster.keepDown('a')
    const answer = await visitor.get('/save-then-redirect?gate=stopped')
    t.match(answer, { status: 503, headers: { 'retry-after': '1' } }, 'whatever the app makes of it')
    t.equal(await tell(visitor, '/outcome?gate=stopped'), 'REPLICATION_TIMEOUT')
    letGo()
  })

  t.test('a destroy() during a save() waits as that does, and wins', async t => {
    const cluster = await startCluster(t, { ...one, replication: { ackTimeout: '30s' } })
    const visitor = await settled(t, cluster.url)
    const old = visitor.tab()
    const letGo = await cluster.keepDown('a')
    const before = await mutationsOf(cluster)
    const saving = visitor.get('/do?then=save')
    await until(async () => (await mutationsOf(cluster)) === before + 1)
    const destroying = visitor.tab().get('/do?then=destroy')
    await until(async () => (await mutationsOf(cluster)) === before + 2)
    letGo()
    const [saved, destroyed] = await Promise.all([saving, destroying])
    t.same([saved.status, cookieOf(saved)], [200, 'none'])
    t.same([destroyed.status, cookieOf(destroyed)], [200, 'cleared'])
    await cluster.whole()
    t.equal(await tell(old, '/do?then=read'), null)
  })
})

async function sessionsIn(cluster: TestCluster): Promise<{ readonly sessions: number }> {
  const { webServers } = await cluster.status()
  return { sessions: webServers.reduce((sum, { sessions }) => sum + sessions, 0) }
}

async function mutationsOf(cluster: TestCluster): Promise<number> {
  const { webServers } = await cluster.status()
  return webServers.reduce((sum, { mutations }) => sum + mutations, 0)
}
