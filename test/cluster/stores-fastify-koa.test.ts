/** Apps that keep @fastify/session or koa-session, over `troupe/store`: nobody is logged out by the loss of a web server. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { Crowd, visit } from '../support/visitor.js'

for (const app of ['fastify-store', 'koa-store']) {
  t.test(
    `${app}: sessions, login and logout, across the loss of web servers and session servers`,
    async t => {
      const cluster = await startCluster(t, { app })
      await cluster.whole()
      const visitor = visit(t, cluster.url)
      t.equal((await visitor.get('/')).text, '1')
      t.ok(visitor.cookies.has('app.sid'))
      t.notOk(visitor.cookies.has('troupe.sid'), 'Troupe sets no cookie of its own')
      t.equal((await visitor.get('/')).text, '2')
      const before = (await visitor.get('/id')).text

      const crowd = new Crowd(t, cluster.url, 20)
      t.same(await crowd.get('/'), ['200 1'])
      await cluster.lose('web-1')
      t.equal((await visitor.get('/')).text, '3')
      t.same(await crowd.get('/'), ['200 2'])
      await cluster.lose('web-2')
      t.equal((await visitor.get('/id')).text, before)
      t.same(await crowd.get('/'), ['200 3'])
      await cluster.whole()
      await cluster.lose('b')
      await cluster.lose('web-1', 'web-2')
      t.same(await crowd.get('/'), ['200 4'])

      t.match(await visitor.form('/login', { user: 'ada' }), { status: 302 })
      t.not((await visitor.get('/id')).text, before)
      await cluster.lose('web-1', 'web-2')
      t.same(JSON.parse((await visitor.get('/whoami')).text), { user: 'ada' })

      const old = visitor.tab()
      t.equal((await visitor.post('/logout')).status, 204)
      t.same(JSON.parse((await old.get('/whoami')).text), { user: null }, 'the old cookie is worth nothing')
    },
  )
}
