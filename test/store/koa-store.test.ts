/** The promise form that koa-session asks for. */
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { until } from '../support/until.js'
import { makeStore } from './harness.js'

t.test('koa-session finds what it has stored, for as long as it said', async t => {
  const { store } = makeStore(t)
  const koa = store.koa()
  t.equal(await koa.get('none'), undefined)
  await koa.set('one', { user: 'ada', _expire: 1 }, 60_000, { changed: true })
  t.same(await koa.get('one'), { user: 'ada', _expire: 1 })
  await koa.set('short', { user: 'ada' }, 200, { changed: true })
  await koa.set('browser', { user: 'ada', _session: true }, 'session', { changed: true })
  await wait(250)
  t.equal(await koa.get('short'), undefined)
  t.same(await koa.get('browser'), { user: 'ada', _session: true })
  await koa.destroy('one')
  t.equal(await koa.get('one'), undefined)
})

t.test(
  'a rolling session that has not changed is written when a tenth of its lifetime has passed',
  async t => {
    const { store } = makeStore(t)
    const koa = store.koa()
    await koa.set('rolling', { _expire: 1 }, 20_000, { changed: true })
    await koa.set('rolling', { _expire: 2 }, 20_000, { changed: false })
    t.same(await koa.get('rolling'), { _expire: 1 })
    await until(async () => {
      await koa.set('rolling', { _expire: 3 }, 20_000, { changed: false })
      return (await koa.get('rolling'))?._expire === 3
    })
    t.pass('written, once there was reason to')
  },
)
