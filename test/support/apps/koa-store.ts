/** A Koa app with koa-session; the store is Troupe's. */
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import session from 'koa-session'
import { TroupeStore } from '../../../lib/store/index.js'

const app = new Koa()
app.keys = ['a secret for tests only']
app.use(session({ store: new TroupeStore().koa(), key: 'app.sid', maxAge: 60_000, rolling: true }, app))

app.use(async ctx => {
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /':
      if (ctx.session !== null) ctx.session.count = (ctx.session.count ?? 0) + 1
      ctx.body = String(ctx.session?.count)
      break
    case 'GET /id':
      ctx.body = ctx.cookies.get('app.sid', { signed: true })
      break
    case 'POST /login':
      // Its regenerate keeps the data.
      await ctx.session?.regenerate()
      if (ctx.session !== null) ctx.session.user = new URLSearchParams(await text(ctx.req)).get('user') ?? ''
      ctx.redirect('/whoami')
      break
    case 'GET /whoami':
      ctx.body = { user: ctx.session?.user ?? null }
      break
    case 'POST /logout':
      ctx.session = null
      ctx.status = 204
  }
})

export default app
