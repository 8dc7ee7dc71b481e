/** A Hono app; a fetch app reaches its session by `getSession`. */
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { getSession, type Session } from '../../../lib/index.js'
import type {} from './counter.js'

const app = new Hono()

app.get('/', c => {
  const session = sessionOf(c)
  session.count = (session.count ?? 0) + 1
  return c.text(String(session.count))
})
app.get('/id', c => c.text(sessionOf(c).id))
app.post('/login', async c => {
  await sessionOf(c).regenerate()
  sessionOf(c).user = String((await c.req.parseBody()).user)
  return c.redirect('/whoami')
})
app.get('/whoami', c => c.json({ user: sessionOf(c).user ?? null }))
app.post('/logout', async c => {
  await sessionOf(c).destroy()
  return c.body(null, 204)
})
app.get('/fail', () => {
  throw new HTTPException(418, { message: 'for the error handler' })
})

function sessionOf(c: Context): Session {
  const session = getSession(c.req.raw)
  if (session === undefined) throw new Error('no session')
  return session
}

export default app
