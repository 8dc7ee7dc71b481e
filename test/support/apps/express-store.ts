/** An Express app as its users have it, with express-session; the store is Troupe's. */
import express from 'express'
import session from 'express-session'
import { TroupeStore } from '../../../lib/store/index.js'

declare module 'express-session' {
  interface SessionData {
    count: number
    user: string
  }
}

const store = new TroupeStore()
const app = express()
app.use(
  session({
    store,
    secret: 'a secret for tests only',
    name: 'connect.sid',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 60_000 },
  }),
)
app.use(express.urlencoded({ extended: false }))

app.get('/', (req, res) => {
  req.session.count = (req.session.count ?? 0) + 1
  res.send(String(req.session.count))
})
app.get('/peek', (req, res) => {
  res.json({ count: req.session.count ?? null, id: req.sessionID })
})
app.post('/login', (req, res, next) => {
  req.session.regenerate(error => {
    if (error) return next(error)
    req.session.user = String(req.body.user)
    req.session.save(failure => (failure ? next(failure) : res.redirect('/whoami')))
  })
})
app.get('/whoami', (req, res) => {
  res.json({ user: req.session.user ?? null })
})
app.get('/reload', (req, res, next) => {
  req.session.count = 1000
  req.session.reload(error => (error ? next(error) : res.send(String(req.session.count))))
})
app.post('/logout', (req, res, next) => {
  req.session.destroy(error => (error ? next(error) : res.clearCookie('connect.sid').sendStatus(204)))
})
/** Any session, by its id: wherever its owner is. */
app.get('/other/:id', async (req, res) => {
  res.json(await store.get(req.params.id))
})
app.put('/other/:id', async (req, res) => {
  const cookie = { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000), httpOnly: true, path: '/' }
  await store.set(req.params.id, { cookie, count: Number(req.query.count) })
  res.sendStatus(204)
})
app.get('/load/:id', (req, res, next) => {
  store.load(req.params.id, (error, loaded) =>
    error ? next(error) : res.json({ id: loaded?.id ?? null, count: loaded?.count ?? null }),
  )
})
app.get('/length', async (_req, res) => {
  res.send(String(await store.length()))
})
app.get('/all', async (_req, res) => {
  res.json((await store.all()).map(({ id, count }) => [id, count ?? null]).sort())
})
app.post('/clear', async (_req, res) => {
  await store.clear()
  res.sendStatus(204)
})

export default app
