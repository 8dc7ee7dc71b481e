/** A Koa app; it reaches its session through `ctx.req`. */
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import type {} from './counter.js'

const app = new Koa()

app.use(async ctx => {
  const { req } = ctx
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /':
      if (req.session !== undefined) req.session.count = (req.session.count ?? 0) + 1
      ctx.body = String(req.session?.count)
      break
    case 'GET /id':
      ctx.body = req.sessionID
      break
    case 'POST /login': {
      const user = new URLSearchParams(await text(req)).get('user') ?? ''
      await req.session?.regenerate()
      if (req.session !== undefined) req.session.user = user
      ctx.redirect('/whoami')
      break
    }
    case 'GET /whoami':
      ctx.body = { user: req.session?.user ?? null }
      break
    case 'POST /logout':
      await req.session?.destroy()
      ctx.status = 204
      break
    case 'GET /fail':
      ctx.throw(418, 'for the error handler', { expose: true })
  }
})

export default app
